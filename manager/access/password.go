package access

import (
	"fmt"
	"unicode/utf8"

	"releve.dev/releve/manager/inventory"
	secret "releve.dev/releve/password"
)

// hashesAtOnce is how many passwords are hashed at a time.
const hashesAtOnce = 4

// checkPassword says why a new password can't be used.
func checkPassword(password string) error {
	if secret.Takes(password) {
		return nil
	}
	return &inventory.Refusal{Kind: inventory.Invalid, Field: "password",
		Message: fmt.Sprintf("the password has %d characters", utf8.RuneCountInString(password)),
		Remedy:  fmt.Sprintf("choose one of %d characters at least and %d bytes at most", secret.Shortest, secret.Longest)}
}
