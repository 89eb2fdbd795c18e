package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// need is something that the tests use and Go doesn't bring.
type need struct {
	pkg string // Debian's package
	why string
	has func() bool
}

// raceNeeds is what the race detector takes. The lab and the product need none
// of it, nor of what the others below take.
var raceNeeds = []need{
	{"gcc", "the race detector is linked by a C compiler", func() bool { return compiles("int main(void){return 0;}") }},
	{"libc6-dev", "the race detector uses cgo", func() bool { return compiles("#include <stdlib.h>\nint main(void){return 0;}") }},
}

// storeNeeds is what the tests of the manager's store take: they start a server
// of their own.
var storeNeeds = []need{
	{"postgresql", "the manager's store is tested on it too", func() bool {
		found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
		return err == nil && len(found) > 0 || has("initdb")
	}},
}

// guestNeeds is what the VMs take that the lab boots from a stock image: cloud-init
// gets the package with it.
var guestNeeds = []need{
	{"curl", "a stock image gets the package with it", func() bool { return has("curl") }},
}

// compiles says whether the C compiler that cgo would use accepts the text.
func compiles(text string) bool {
	cc := strings.Fields(os.Getenv("CC"))
	if len(cc) == 0 {
		cc = []string{"gcc"}
	}
	cmd := exec.Command(cc[0], append(cc[1:], "-x", "c", "-o", os.DevNull, "-")...)
	cmd.Stdin = strings.NewReader(text)
	return cmd.Run() == nil
}

// has says whether there is such a program.
func has(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

func debian(lists ...[]need) step {
	return step{name: "Debian packages", gate: true, run: func(ctx context.Context, s *shop) outcome {
		note, err := s.install(ctx, slices.Concat(lists...))
		return prepared("Debian packages", note, err)
	}}
}

// install gets what is missing, and names it first. No service is started: a
// policy-rc.d that says no stands while apt-get works.
func (s *shop) install(ctx context.Context, needs []need) (note string, err error) {
	var missing []string
	for _, n := range needs {
		if !slices.Contains(missing, n.pkg) && !n.has() {
			missing = append(missing, n.pkg)
			s.screen.say("  missing: %s (%s)", n.pkg, n.why)
		}
	}
	if len(missing) == 0 {
		return "nothing missing", nil
	}
	install := append([]string{"install", "-y", "--no-install-recommends"}, missing...)
	if !has("apt-get") {
		return "", fmt.Errorf("missing: %s\nhint: install them with this system's package manager", strings.Join(missing, ", "))
	}
	if os.Geteuid() != 0 {
		return "", fmt.Errorf("missing: %s\nhint: sudo apt-get %s", strings.Join(missing, ", "), strings.Join(install, " "))
	}
	s.screen.say("  installing with apt-get: %s", strings.Join(missing, " "))
	allow, err := s.forbidServices()
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, allow()) }()
	for _, args := range [][]string{{"update"}, install} {
		s.screen.at("apt-get %s", args[0])
		if _, err := s.output(ctx, []string{"DEBIAN_FRONTEND=noninteractive"}, "apt-get", args...); err != nil {
			return "", err
		}
	}
	return "installed " + strings.Join(missing, ", "), nil
}

// policy is what Debian asks before it starts a service of a package.
const policy = "/usr/sbin/policy-rc.d"

// forbidServices writes the policy, unless the machine has one already. allow
// removes it; so does the cleaner.
func (s *shop) forbidServices() (allow func() error, err error) {
	file, err := os.OpenFile(policy, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return func() error { return nil }, nil
	}
	if err != nil {
		return nil, fmt.Errorf("forbid the start of services: %w", err)
	}
	s.clean.remove(policy)
	_, err = file.WriteString("#!/bin/sh\nexit 101\n")
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("forbid the start of services: %w", err)
	}
	return func() error { return os.Remove(policy) }, nil
}
