package gate

import (
	"fmt"
	"os"
	"path/filepath"
)

// forward makes the kernel a router that keeps quiet about it: no redirects
// (the fabric would not heed them), and no reverse-path filter, which drops
// what comes back by another way than it left.
func forward(cfg Config) error {
	settings := map[string]string{"ip_forward": "1"}
	for _, name := range [...]string{"all", cfg.WAN, cfg.LAN, cfg.MGMT} {
		if name == "" {
			continue
		}
		for key, value := range map[string]string{"rp_filter": "0", "send_redirects": "0", "accept_redirects": "0"} {
			settings[filepath.Join("conf", name, key)] = value
		}
	}
	for key, value := range settings {
		path := filepath.Join("/proc/sys/net/ipv4", key)
		if err := os.WriteFile(path, []byte(value), 0); err != nil {
			return fmt.Errorf("kernel setting: %w\nhint: run as root, with /proc/sys/net writable", err)
		}
	}
	return nil
}
