package guest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
)

// The custom-script extension's publisher, type and version, of which a VM has one.
const (
	Publisher = "Microsoft.Azure.Extensions"
	Type      = "CustomScript"
	Version   = "2.1"
)

// Script is what the extension gets to merge patch, sections of the agent's file in
// YAML, into the file, and to have the agent take it. authorities are what CAFile is
// written with before that, "" for none. public is for `settings`, and
// protected, which Azure never shows again, for `protectedSettings`.
//
// As nobody can read what was protected, what it was is known by digest, of the
// patch without its secrets, and keyID, of the secrets. The handler refuses
// `settings` with keys that it doesn't know, so the two belong into the extension's
// tags; here they only make the extension run again when they change.
func Script(patch, authorities, digest, keyID string) (public, protected map[string]any) {
	script := booted
	if authorities != "" {
		script += "cat >" + CAFile + here(authorities)
	}
	script += "releve-vsocket config merge" + here(patch) + "releve-vsocket config apply\n"
	return extension(script, digest, keyID)
}

// here is a text as a command's input. A shell leaves it as it is.
func here(text string) string {
	if strings.Contains("\n"+text, "\n"+end) {
		panic("guest: settings hold the word that ends them")
	}
	return " <<'" + end + "'\n" + strings.TrimRight(text, "\n") + "\n" + end + "\n"
}

// Unset is what the extension gets to take sections out of the agent's file again.
// The agent is started anew, as one of a pair doesn't leave it by itself.
func Unset(sections ...string) (public, protected map[string]any) {
	names := strings.Join(sections, " ")
	return extension(fmt.Sprintf(unset, names), "unset", names)
}

// end ends the settings in a script.
const end = "END-OF-SETTINGS"

// booted waits for the first boot's script, beside which an extension may run.
const booted = `#!/bin/sh
set -eu
umask 077
if command -v cloud-init >/dev/null; then
  cloud-init status --wait || echo "the first boot has failed; its output is in /var/log/cloud-init-output.log"
fi
`

const unset = booted + `releve-vsocket config unset %s
rm -f ` + CAFile + `
systemctl try-restart releve-vsocket.service
`

func extension(script, digest, keyID string) (public, protected map[string]any) {
	sum := sha256.Sum256([]byte(digest + "\n" + keyID))
	return map[string]any{"timestamp": json.Number(fmt.Sprint(binary.BigEndian.Uint32(sum[:]) >> 1))},
		map[string]any{"script": base64.StdEncoding.EncodeToString([]byte(script))}
}
