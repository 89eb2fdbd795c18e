package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"

	"releve.dev/releve/manager/passage"
)

// ports are those of passages, as people write them: 8444-8447,9000. It is a
// pflag.Value.
type ports []uint16

// defaultPorts follow the manager's own.
var defaultPorts = ports{8444, 8445, 8446, 8447, 8448, 8449, 8450, 8451}

// mostPorts is more passages at once than anybody wants.
const mostPorts = 1000

func (p *ports) Set(text string) error {
	*p = nil
	for part := range strings.SplitSeq(text, ",") {
		if part == "" {
			continue
		}
		from, to, isRange := strings.Cut(part, "-")
		first, err := strconv.ParseUint(from, 10, 16)
		last := first
		if isRange && err == nil {
			last, err = strconv.ParseUint(to, 10, 16)
		}
		if err != nil || first == 0 || last < first || len(*p)+int(last-first) >= mostPorts {
			return fmt.Errorf("%q are no ports\nhint: such as 8444-8451", part)
		}
		for port := first; port <= last; port++ {
			*p = append(*p, uint16(port))
		}
	}
	return nil
}

func (p *ports) String() string {
	var parts []string
	for from := 0; from < len(*p); {
		to := from
		for to+1 < len(*p) && (*p)[to+1] == (*p)[to]+1 {
			to++
		}
		part := strconv.Itoa(int((*p)[from]))
		if to > from {
			part += "-" + strconv.Itoa(int((*p)[to]))
		}
		parts, from = append(parts, part), to+1
	}
	return strings.Join(parts, ",")
}

func (*ports) Type() string { return "ports" }

// openPassages makes the ways to vSockets' own pages, at the addresses that the
// manager itself listens on.
func (m *manager) openPassages(ports ports, addr net.Addr, names []string) {
	host, _, err := net.SplitHostPort(addr.String())
	if err != nil || net.ParseIP(host).IsUnspecified() {
		host = ""
	}
	m.passages = passage.New(passage.Config{
		Ports: ports,
		Listen: func(port uint16) (net.Listener, error) {
			return net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(int(port))))
		},
		TLS:    &tls.Config{MinVersion: tls.VersionTLS13, GetCertificate: m.showing(names)},
		Dial:   m.fleet.Dial,
		Person: func(r *http.Request) (string, error) { return m.pages.Passenger(r) },
		Fail: func(w http.ResponseWriter, r *http.Request, err error) {
			m.pages.NoPassage(w, r, errors.Is(err, passage.ErrBroken), err)
		},
		Log: m.log,
	})
	m.closers = append(m.closers, func() error { m.passages.Close(); return nil })
}
