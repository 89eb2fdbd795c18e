package guest

import (
	"encoding/json"
	"fmt"
	"strings"
)

// mostUserData is what Azure takes as a VM's customData, before base64.
const mostUserData = 64 << 10

// CloudInit writes the user data of a VM's first boot, in cloud-init's form. It
// uses write_files and runcmd alone. There is a secret in it, the enrolment key,
// which is worth nothing once it has been used.
func CloudInit(v VM) ([]byte, error) {
	if err := v.check(); err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString("#cloud-config\n# A Relève vSocket's first boot (docs/vsocket.md).\nwrite_files:\n")
	file(&b, ConfigFile, "0600", v.settings())
	if v.EnrolKey != "" {
		file(&b, EnrolFile, "0600", v.Manager+" "+v.EnrolKey+"\n")
	}
	file(&b, BootFile, "0700", v.boot())
	fmt.Fprintf(&b, "runcmd:\n  - [sh, %s]\n", BootFile)
	if b.Len() > mostUserData {
		return nil, fmt.Errorf("the user data is %d bytes long, and Azure takes %d", b.Len(), mostUserData)
	}
	return []byte(b.String()), nil
}

// file writes one entry of write_files: a literal block, which YAML leaves as it is.
func file(b *strings.Builder, path, mode, content string) {
	fmt.Fprintf(b, "  - path: %s\n    permissions: '%s'\n    content: |\n", path, mode)
	for line := range strings.Lines(content) {
		b.WriteString("      " + line)
	}
}

// settings is the agent's file. A JSON string is a YAML string.
func (v *VM) settings() string {
	var b strings.Builder
	name, _ := json.Marshal(v.Site) // a string always can be
	fmt.Fprintf(&b, "site: %s\nside: %s\nroutes: own\ninterfaces:\n", name, v.Side)
	fmt.Fprintf(&b, "  wan: {address: %s}\n  lan: {address: %s}\n  mgmt: {address: %s}\n", v.WAN, v.LAN, v.MGMT)
	probes := make([]string, len(v.Probes))
	for i, addr := range v.Probes {
		probes[i] = addr.String()
	}
	fmt.Fprintf(&b, "probes:\n  wan: [%s]\n", strings.Join(probes, ", "))
	return b.String()
}

// boot is the script of the first boot. Our image has the package, so nothing is
// downloaded there. The channel enrols by itself, and goes on trying
// (releve-vsocket channel).
func (v *VM) boot() string {
	var b strings.Builder
	b.WriteString("#!/bin/sh\n# Runs at this vSocket's first boot. It may be run again, as root.\nset -eu\n")
	if p := v.Package; p != nil {
		fmt.Fprintf(&b, install, p.URL, p.SHA256)
	}
	b.WriteString("systemctl daemon-reload\nsystemctl enable --now releve-vsocket.service releve-web.service")
	if v.EnrolKey != "" {
		b.WriteString(" releve-channel.service")
	}
	b.WriteString("\n")
	return b.String()
}

// install waits for the network for ten minutes at the most.
const install = `if ! command -v releve-vsocket >/dev/null; then
  deb=/var/cache/releve-vsocket.deb
  curl --fail --silent --show-error --location --retry 200 --retry-delay 3 --retry-max-time 600 \
    --retry-all-errors --output "$deb" '%s'
  echo '%s  '"$deb" | sha256sum --check --quiet -
  dpkg --install "$deb"
  rm "$deb"
fi
`
