package config

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"time"

	"releve.dev/releve/site"
)

// checker collects what breaks a rule. A value that has a problem already, or
// rests on one that has, is not judged again.
type checker struct {
	binding  *binding
	problems Problems
}

func check(c *Config, b *binding) Problems {
	k := &checker{binding: b}
	k.general(c)
	k.interfaces(&c.Interfaces)
	k.probes(&c.Probes)
	if c.HA != nil {
		k.ha(c)
		if c.Azure == nil && !b.given("azure") {
			k.fail("azure", "without Azure's API nobody can move the floating IP; see releve-vsocket config sample",
				"is missing, and the section ha needs it")
		}
	}
	if c.Azure != nil {
		k.azure(c.Azure)
	}
	if c.Cloud != nil {
		k.cloud(c)
	}
	k.ways(c)
	return k.problems
}

func (k *checker) fail(path, hint, format string, args ...any) {
	if k.binding.wrong(path) {
		return
	}
	k.binding.bad[path] = true
	k.problems = append(k.problems, Problem{
		Line: k.binding.line(path), Path: path, Text: fmt.Sprintf(format, args...), Hint: hint,
	})
}

// present reports whether path has a value that can be judged, and complains
// if it has none.
func (k *checker) present(path string) bool {
	if !k.binding.given(path) {
		k.fail(path, "", "is missing")
		return false
	}
	return !k.binding.wrong(path)
}

// span checks a duration's bounds, both included.
func (k *checker) span(path string, d, low, high time.Duration) bool {
	if d >= low && d <= high {
		return true
	}
	k.fail(path, "", "%s is not between %s and %s", span(d), span(low), span(high))
	return false
}

func (k *checker) count(path string, n, low, high int) {
	if n < low || n > high {
		k.fail(path, "", "%d is not between %d and %d", n, low, high)
	}
}

func (k *checker) general(c *Config) {
	if k.present("site") {
		if strings.TrimSpace(c.Site) == "" || len(c.Site) > 80 || strings.ContainsFunc(c.Site, isControl) {
			k.fail("site", "", "%q is no name: 1 to 80 characters on one line", c.Site)
		}
	}
	if k.present("side") && c.Side == site.NoSide {
		k.fail("side", "", "%q is neither primary nor secondary", c.Side)
	}
	k.directory("state_dir", c.StateDir)
	k.directory("run_dir", c.RunDir)
	if len(c.RunDir) > maxRunDir {
		k.fail("run_dir", "", "%q is longer than %d bytes, and the kernel limits a socket's path", c.RunDir, maxRunDir)
	}
}

// maxRunDir leaves room for the socket's name within sun_path's 108 bytes.
const maxRunDir = 80

func (k *checker) directory(path, dir string) {
	if !filepath.IsAbs(dir) {
		k.fail(path, "", "%q is not an absolute path", dir)
	}
}

func (k *checker) interfaces(all *Interfaces) {
	sections := []struct {
		path string
		*Interface
	}{
		{"interfaces.wan", &all.WAN},
		{"interfaces.lan", &all.LAN},
		{"interfaces.mgmt", &all.MGMT},
	}
	for i, this := range sections {
		named := k.present(this.path + ".name")
		if named {
			k.interfaceName(this.path+".name", this.Name)
		}
		addressed := k.present(this.path+".address") && k.interfaceAddress(this.path+".address", this.Address)
		for _, other := range sections[:i] {
			if named && this.Name == other.Name {
				k.fail(this.path+".name", "", "%q is %s's too: each needs an interface of its own", this.Name, other.path)
			}
			if addressed && other.Address.IsValid() && this.Address.Masked().Overlaps(other.Address.Masked()) {
				k.fail(this.path+".address", "", "%s overlaps %s's subnet %s", this.Address, other.path, other.Address.Masked())
			}
		}
	}
}

func (k *checker) interfaceName(path, name string) {
	if name == "" || len(name) > 15 || strings.ContainsFunc(name, func(r rune) bool { return isControl(r) || r == ' ' || r == '/' }) {
		k.fail(path, "ip link lists the names", "%q is not the name of a network interface", name)
	}
}

// interfaceAddress holds Azure's rules for a NIC's address (E6).
func (k *checker) interfaceAddress(path string, address netip.Prefix) bool {
	if address.Addr().Is4() && address.Bits() > 29 {
		k.fail(path, "give the subnet's length, not that of the address alone",
			"%s: Azure's smallest subnet is a /29", address)
		return false
	}
	if err := site.CheckHostAddress(address, address.Addr()); err != nil {
		k.fail(path, "", "%v", err)
		return false
	}
	return true
}

func (k *checker) probes(p *Probes) {
	if k.present("probes.wan") && len(p.WAN) == 0 {
		k.fail("probes.wan", "", "is empty: name at least one address that answers ping")
	}
	for i, addr := range p.WAN {
		if addr.IsValid() && (!addr.Is4() || addr.IsUnspecified() || addr.IsMulticast()) {
			k.fail(fmt.Sprintf("probes.wan[%d]", i), "", "%s is not an IPv4 address that could answer ping", addr)
		}
	}
	k.span("probes.interval", p.Interval, 50*time.Millisecond, 10*time.Second)
	k.count("probes.failures", p.Failures, 1, 100)
	k.count("probes.recovery", p.Recovery, 1, 100)
}

// span writes a duration without the zeros of 1m0s.
func span(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }
