package config

import (
	"reflect"

	"releve.dev/releve/settings"
	"releve.dev/releve/site"
)

// DefaultPath is where the agent's settings are unless told otherwise.
const DefaultPath = "/etc/releve/vsocket.yaml"

var form = settings.Form{Sample: "releve-vsocket config sample", Section: newSection}

// Read reads the file at path, for ParseWith.
func Read(path string) ([]byte, error) { return form.Read(path) }

// Load reads and checks the file at path. Its error is settings.Problems if the
// file could be read.
func Load(path string) (*Config, error) {
	data, err := form.Read(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, data)
}

// Parse reads and checks data; name stands for the file in messages. What the
// file leaves out has its default. The error is settings.Problems.
func Parse(name string, data []byte) (*Config, error) {
	return ParseWith(name, data, func(*Config, *settings.Binding) {})
}

// ParseWith is Parse with something laid over what the file has, before anything
// is judged.
func ParseWith(name string, data []byte, lay func(*Config, *settings.Binding)) (*Config, error) {
	config := Default()
	b, err := form.Bind(name, data, &config)
	if err != nil {
		return nil, err
	}
	lay(&config, b)
	if config.Cloud != nil && !hasCloud(b) {
		config.Cloud = nil
	}
	fillIn(&config, b)
	check(&config, b)
	if problems := b.Problems(); len(problems) > 0 {
		return nil, problems
	}
	return &config, nil
}

// hasCloud: there is more of a cloud than what only the VM knows of one that is yet
// to be given.
func hasCloud(b *settings.Binding) bool {
	for _, path := range [...]string{"cloud.address", "cloud.site_id", "cloud.witness_key", "cloud.pops"} {
		if b.Given(path) {
			return true
		}
	}
	return !b.Clean("cloud")
}

// fillIn sets the defaults that depend on other values.
func fillIn(c *Config, b *settings.Binding) {
	if c.Version == (site.Version{}) {
		c.Version = site.Release
	}
	if !b.Given("routes") {
		c.Routes = RoutesSystem
	}
	egress, third := EgressNAT, ThirdARM
	if c.Cloud != nil {
		egress, third = EgressTunnel, ThirdWitness
	}
	if !b.Given("egress") {
		c.Egress = egress
	}
	if c.HA == nil {
		return
	}
	if !b.Given("ha.lease") {
		c.HA.Lease = c.HA.Silent
	}
	if !b.Given("ha.third") {
		c.HA.Third = third
	}
}

// newSection makes an optional section with its defaults.
func newSection(t reflect.Type) any {
	switch t {
	case reflect.TypeFor[HA]():
		ha := DefaultHA()
		return &ha
	case reflect.TypeFor[Azure]():
		azure := defaultAzure()
		return &azure
	case reflect.TypeFor[Cloud]():
		cloud := DefaultCloud()
		return &cloud
	}
	panic("config: no defaults for the section " + t.String())
}
