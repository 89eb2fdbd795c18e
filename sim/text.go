package sim

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
)

// String is the schedule as a file: Parse reads it. The first line holds the
// seed and the settings, each other line a fault.
func (s *Schedule) String() string {
	var b strings.Builder
	c := &s.Settings
	fmt.Fprintf(&b, "seed=%d keepalive=%v silent=%v lease=%v confirm=%v hold=%v", s.Seed, c.Keepalive, c.Silent, c.Lease, c.Confirm, c.Hold)
	fmt.Fprintf(&b, " drift=%d/%d delay=%v jitter=%v profile=%s cleanup=%v safety=%v heal=%v",
		c.Drift[0], c.Drift[1], c.Delay, c.Jitter, c.Profile, c.CleanUp, c.Safety, c.Heal)
	if c.Witness || c.Trip != 0 {
		fmt.Fprintf(&b, " trip=%v", c.Trip)
	}
	for _, flag := range c.flags() {
		if *flag.on {
			b.WriteString(" " + flag.name)
		}
	}
	b.WriteString("\n")
	for i := range s.Faults {
		b.WriteString(s.Faults[i].String() + "\n")
	}
	return b.String()
}

type mark struct {
	name string
	on   *bool
}

type span struct {
	name  string
	value *time.Duration
}

func (c *Settings) spans() []span {
	return []span{{"keepalive", &c.Keepalive}, {"silent", &c.Silent}, {"lease", &c.Lease}, {"confirm", &c.Confirm}, {"hold", &c.Hold},
		{"delay", &c.Delay}, {"jitter", &c.Jitter}, {"trip", &c.Trip}, {"cleanup", &c.CleanUp}, {"safety", &c.Safety}, {"heal", &c.Heal}}
}

func (c *Settings) flags() []mark {
	return []mark{{"preempt", &c.Preempt}, {"stay", &c.Stay}, {"peer-vm", &c.PeerVM}, {"hmac", &c.HMAC}, {"witness", &c.Witness}, {"second-pop", &c.Second},
		{"busy-refuses", &c.BusyRefuses}, {"succeeded-at-once", &c.SucceededAtOnce}, {"etag-at-end", &c.EtagAtEnd}}
}

// String is a fault as a line of the file.
func (f *Fault) String() string {
	parts := []string{string(f.Kind), "at=" + f.At.String()}
	add := func(name, value string, there bool) {
		if there {
			parts = append(parts, name+"="+value)
		}
	}
	add("for", f.For.String(), f.For != 0)
	add("side", f.Side.String(), f.Side != site.NoSide)
	add("path", f.Path.String(), f.Path != keepalive.Paths)
	add("pop", strconv.Itoa(f.PoP), f.PoP != 0)
	add("n", strconv.Itoa(f.N), f.N != 0)
	add("d", f.D.String(), f.D != 0)
	add("code", f.Code, f.Code != "")
	return strings.Join(parts, " ")
}

// Parse reads what String wrote, or a person in its manner. Empty lines and
// lines that begin with # are left out. What it accepts can be run.
func Parse(text string) (*Schedule, error) {
	s := &Schedule{}
	first := true
	for number, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		var err error
		if first {
			if err = s.parseSettings(line); err == nil {
				err = s.Settings.check()
			}
		} else {
			var f Fault
			if f, err = parseFault(line); err == nil {
				err = f.check()
			}
			s.Faults = append(s.Faults, f)
		}
		if err != nil {
			return nil, fmt.Errorf("schedule, line %d: %w", number+1, err)
		}
		first = false
	}
	if first {
		return nil, fmt.Errorf("schedule: no settings")
	}
	return s, nil
}

func (s *Schedule) parseSettings(line string) error {
	c := &s.Settings
	spans := map[string]*time.Duration{}
	for _, span := range c.spans() {
		spans[span.name] = span.value
	}
	flags := map[string]*bool{}
	for _, flag := range c.flags() {
		flags[flag.name] = flag.on
	}
	for _, word := range strings.Fields(line) {
		name, value, given := strings.Cut(word, "=")
		var err error
		switch {
		case !given && flags[name] != nil:
			*flags[name] = true
		case given && spans[name] != nil:
			*spans[name], err = time.ParseDuration(value)
		case name == "seed":
			s.Seed, err = strconv.ParseUint(value, 10, 64)
		case name == "profile":
			c.Profile = value
		case name == "drift":
			err = c.parseDrift(value)
		default:
			err = fmt.Errorf("unknown setting")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", word, err)
		}
	}
	return nil
}

func (c *Settings) parseDrift(text string) (err error) {
	for i, part := range strings.SplitN(text+"/", "/", 3)[:2] {
		if c.Drift[i], err = strconv.Atoi(part); err != nil {
			return err
		}
	}
	if strings.Count(text, "/") != 1 {
		return fmt.Errorf("want two numbers")
	}
	return nil
}

func parseFault(line string) (Fault, error) {
	words := strings.Fields(line)
	f := Fault{Kind: Kind(words[0]), Path: keepalive.Paths}
	if kinds[f.Kind] == nil {
		return f, fmt.Errorf("unknown fault %q", words[0])
	}
	for _, word := range words[1:] {
		name, value, _ := strings.Cut(word, "=")
		var err error
		switch name {
		case "at":
			f.At, err = time.ParseDuration(value)
		case "for":
			f.For, err = time.ParseDuration(value)
		case "d":
			f.D, err = time.ParseDuration(value)
		case "pop":
			f.PoP, err = strconv.Atoi(value)
		case "n":
			f.N, err = strconv.Atoi(value)
		case "side":
			f.Side, err = site.ParseSide(value)
		case "code":
			f.Code = value
		case "path":
			f.Path, err = parsePath(value)
		default:
			err = fmt.Errorf("unknown property")
		}
		if err != nil {
			return f, fmt.Errorf("%s: %w", word, err)
		}
	}
	return f, nil
}

func parsePath(text string) (keepalive.Path, error) {
	for p := range keepalive.Paths {
		if p.String() == text {
			return p, nil
		}
	}
	return 0, fmt.Errorf("unknown path")
}
