package config

import (
	"strings"

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

// Parse reads and checks data like Load; name stands for the file in messages.
// What the file leaves out has its default.
func Parse(name string, data []byte) (c *Config, refused settings.Problems, err error) {
	return parse(name, data, false)
}

func parse(name string, data []byte, either bool) (c *Config, refused settings.Problems, err error) {
	config := Default()
	b, err := form.Bind(name, data, &config)
	if err != nil {
		return nil, nil, err
	}
	k := &checker{Binding: b, config: &config, either: either}
	k.general()
	config.Sites = k.sites()
	var fatal settings.Problems
	for _, p := range b.Problems() {
		if strings.HasPrefix(p.Path, "sites[") {
			refused = append(refused, p)
		} else {
			fatal = append(fatal, p)
		}
	}
	if len(fatal) > 0 {
		return nil, nil, append(fatal, refused...)
	}
	return &config, refused, nil
}
