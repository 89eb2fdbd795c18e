// Package certificate chooses what a manager shows of itself: to devices, and to
// whoever pins the fingerprint of its authority, that authority's certificate; to
// everybody else one that browsers believe, from files or from an ACME server
// (RFC 8555). All on one port: a device asks for channel.ServerName (SNI), and
// nobody else does.
package certificate

import "crypto/tls"

// Source is what tls.Config.GetCertificate wants.
type Source func(*tls.ClientHelloInfo) (*tls.Certificate, error)

// Beside shows the public certificate to whoever doesn't ask for one of the own
// names, which nobody else can have a certificate for.
func Beside(own, public Source, ownNames ...string) Source {
	mine := map[string]bool{}
	for _, name := range ownNames {
		mine[name] = true
	}
	return func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if mine[hello.ServerName] {
			return own(hello)
		}
		return public(hello)
	}
}
