package hub

import (
	"fmt"
	"os"
	"path/filepath"
)

// kernelForwards makes the kernel a router.
func kernelForwards() error {
	return settings(map[string]string{"ip_forward": "1", "conf/all/rp_filter": "0"})
}

// kernelAllows lets a site's traffic come by the device that it isn't sent to: by
// its reverse-path filter the kernel would drop it. The fence is what filters.
func kernelAllows(device string) error {
	conf := filepath.Join("conf", device)
	return settings(map[string]string{
		conf + "/rp_filter": "0", conf + "/send_redirects": "0", conf + "/accept_redirects": "0",
	})
}

func settings(values map[string]string) error {
	for key, value := range values {
		if err := os.WriteFile(filepath.Join("/proc/sys/net/ipv4", key), []byte(value), 0); err != nil {
			return fmt.Errorf("kernel setting: %w\nhint: run as root, with /proc/sys/net writable", err)
		}
	}
	return nil
}
