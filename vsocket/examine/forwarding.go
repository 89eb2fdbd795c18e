package examine

import (
	"os"
	"path/filepath"
	"strings"
)

// forwarding: of the kernel, and of the two interfaces that traffic passes.
func (l *look) forwarding() {
	names := []string{"net.ipv4.ip_forward"}
	for _, of := range []string{"wan", "lan"} {
		if name := l.named(of); name != "" {
			names = append(names, "net.ipv4.conf."+name+".forwarding")
		}
	}
	for i, name := range names {
		// A sysctl writes a dot in an interface's name as a slash.
		value, err := os.ReadFile(filepath.Join(l.Sysctls, strings.ReplaceAll(name, ".", "/")))
		switch {
		case os.IsNotExist(err) && i > 0: // the interface isn't there: told elsewhere
		case err != nil:
			l.unseen("the setting "+name, err)
		case strings.TrimSpace(string(value)) != "1":
			l.guest.NotForwarding = append(l.guest.NotForwarding, name)
			if i == 0 {
				return // it sets those of all interfaces
			}
		}
	}
}
