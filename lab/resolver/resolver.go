// Package resolver answers DNS in the lab: for Azure's own resolver, for public ones,
// and for one that knows private names alone.
package resolver

import (
	"errors"
	"net"
	"net/netip"
	"strings"

	"github.com/miekg/dns"
)

// Zone is all the names that a server knows, in lower case and without a final dot.
type Zone map[string]netip.Addr

// ttl of the answers, in seconds: names of a lab may move.
const ttl = 5

// Server answers from a zone. Names that it doesn't have don't exist.
type Server struct{ servers []*dns.Server }

// Serve answers on both of a host's sockets until Close.
func Serve(zone Zone, packets net.PacketConn, listener net.Listener) *Server {
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		_ = w.WriteMsg(zone.answer(q)) // who asked asks again
	})
	s := &Server{servers: []*dns.Server{{PacketConn: packets, Handler: handler}, {Listener: listener, Handler: handler}}}
	for _, server := range s.servers {
		go func() { _ = server.ActivateAndServe() }()
	}
	return s
}

// Close ends the server and its sockets.
func (s *Server) Close() error {
	var failed []error
	for _, server := range s.servers {
		if server.PacketConn != nil {
			failed = append(failed, server.PacketConn.Close())
		} else {
			failed = append(failed, server.Listener.Close())
		}
	}
	return errors.Join(failed...)
}

func (z Zone) answer(q *dns.Msg) *dns.Msg {
	a := new(dns.Msg).SetReply(q)
	a.RecursionAvailable = true
	if len(q.Question) != 1 {
		a.Rcode = dns.RcodeFormatError
		return a
	}
	asked := q.Question[0]
	addr, found := z.Lookup(asked.Name)
	switch {
	case !found:
		a.Rcode = dns.RcodeNameError
	case asked.Qtype == dns.TypeA:
		a.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: asked.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: ttl}, A: addr.AsSlice()}}
	}
	return a
}

// Lookup finds a name, whichever way it is written.
func (z Zone) Lookup(name string) (netip.Addr, bool) {
	addr, found := z[strings.TrimSuffix(strings.ToLower(name), ".")]
	return addr, found
}
