package config

import (
	"strconv"
	"strings"

	"releve.dev/releve/channel"
	"releve.dev/releve/settings"
)

// DefaultPath is where the PoP's settings are unless told otherwise.
const DefaultPath = "/etc/releve/pop.yaml"

var form = settings.Form{Sample: "releve-pop sample"}

// Load reads and checks the file at path. The Config has the sites that are good;
// refused says what is wrong with the others. The error is settings.Problems if
// the file could be read.
func Load(path string) (c *Config, refused settings.Problems, err error) {
	data, err := form.Read(path)
	if err != nil {
		return nil, nil, err
	}
	return Parse(path, data)
}

// LoadWith is Load with the manager's sites besides; theirs says what is wrong with
// those.
func LoadWith(path string, s *channel.PoPSettings) (c *Config, refused, theirs settings.Problems, err error) {
	data, err := form.Read(path)
	if err != nil {
		return nil, nil, nil, err
	}
	return ParseWith(path, data, s)
}

// Parse reads and checks data like Load; name stands for the file in messages.
// What the file leaves out has its default.
func Parse(name string, data []byte) (c *Config, refused settings.Problems, err error) {
	c, refused, _, err = ParseWith(name, data, nil)
	return c, refused, err
}

// ParseWith is Parse with the manager's sites besides (join.go); theirs says what is
// wrong with those.
func ParseWith(name string, data []byte, s *channel.PoPSettings) (c *Config, refused, theirs settings.Problems, err error) {
	config := Default()
	b, err := form.Bind(name, data, &config)
	if err != nil {
		return nil, nil, nil, err
	}
	k := &checker{Binding: b, config: &config, own: len(config.Sites)}
	k.general()
	theirs = k.join(s)
	names := config.Sites
	config.Sites = k.sites()
	var fatal settings.Problems
	for _, p := range b.Problems() {
		at, inSites := siteOf(p.Path)
		switch {
		case !inSites:
			fatal = append(fatal, p)
		case at < k.own:
			refused = append(refused, p)
		default:
			theirs = append(theirs, named(p, names[at].Name, at))
		}
	}
	if len(fatal) > 0 {
		return nil, nil, nil, append(fatal, refused...)
	}
	return &config, refused, theirs, nil
}

// siteOf is the place of the site that a problem is in.
func siteOf(path string) (at int, is bool) {
	rest, is := strings.CutPrefix(path, "sites[")
	place, _, closed := strings.Cut(rest, "]")
	at, err := strconv.Atoi(place)
	return at, is && closed && err == nil
}
