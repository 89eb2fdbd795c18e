package probe

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
)

// The bounds of the source's traceroute (vendor-system.md (d)).
const (
	MostHops     = 20
	LongestTrace = 60 * time.Second
)

// Trace is one run of the traceroute tool: echoes (RFC 792) whose time to live
// grows, each answered by the router where it ends.
type Trace struct {
	Interface string // goes out here
	To        netip.Addr
	Hops      int           // at most
	Tries     int           // at each hop
	Timeout   time.Duration // for each answer
}

// Hop is one line of it.
type Hop struct {
	TTL   int             `json:"ttl"`
	From  netip.Addr      `json:"from"`   // of the last answer; invalid: nobody answered
	RTTs  []time.Duration `json:"rtt_ns"` // of each try; 0: no answer
	End   bool            `json:"end"`    // the destination itself
	Error string          `json:"error,omitempty"`
}

// Run gives each hop to emit as it is known, and reports whether the destination
// answered. It takes LongestTrace at most.
func (t Trace) Run(ctx context.Context, emit func(Hop)) (reached bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, LongestTrace)
	defer cancel()
	socket, err := openEcho(t.Interface)
	if err != nil {
		return false, err
	}
	stop := context.AfterFunc(ctx, func() { _ = socket.close() })
	defer func() {
		if stop() {
			_ = socket.close()
		}
	}()
	way := ipv4.NewPacketConn(socket.conn)
	for ttl := 1; ttl <= t.Hops; ttl++ {
		if err := way.SetTTL(ttl); err != nil {
			return false, unlessOver(ctx, err)
		}
		hop, err := t.hop(socket, ttl)
		if err != nil {
			return false, unlessOver(ctx, err)
		}
		emit(hop)
		if hop.End || hop.Error != "" {
			return hop.End, nil
		}
	}
	return false, nil
}

// unlessOver: to be told to end is no failure, whatever that broke.
func unlessOver(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return nil
}

func (t Trace) hop(socket *echoSocket, ttl int) (Hop, error) {
	hop := Hop{TTL: ttl}
	for try := range t.Tries {
		seq := uint16(ttl*t.Tries + try)
		began := time.Now()
		_ = socket.send(t.To, seq) // what can't be sent isn't answered
		if err := socket.conn.SetReadDeadline(began.Add(t.Timeout)); err != nil {
			return hop, err
		}
		a, err := socket.answer(t.To, seq)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			hop.RTTs = append(hop.RTTs, 0)
			continue
		case err != nil:
			return hop, err
		}
		hop.RTTs = append(hop.RTTs, max(1, time.Since(began)))
		hop.From, hop.End, hop.Error = a.from, hop.End || a.end, a.refusal
	}
	return hop, nil
}

// answer is what came back of an echo.
type answer struct {
	from    netip.Addr
	end     bool   // the destination's reply
	refusal string // a router's or the destination's
}

// answer waits for what an echo of this socket to a destination causes.
func (e *echoSocket) answer(to netip.Addr, seq uint16) (answer, error) {
	buf := make([]byte, 2048)
	for {
		n, sender, err := e.conn.ReadFrom(buf)
		if err != nil {
			return answer{}, err
		}
		address, isIP := sender.(*net.IPAddr)
		if !isIP {
			continue
		}
		a, of := read(buf[:n])
		if a.from, _ = netip.AddrFromSlice(address.IP.To4()); of == (echoed{e.id, seq}) && (!a.end || a.from == to) {
			return a, nil
		}
	}
}

// echoed tells one echo from another.
type echoed struct{ id, seq uint16 }

// read says what an ICMP message answers, and how. RFC 792: an error carries the
// head of the datagram that caused it, and the 64 bits after.
func read(b []byte) (a answer, of echoed) {
	message, err := icmp.ParseMessage(1, b) // 1: ICMP for IPv4
	if err != nil {
		return a, of
	}
	switch body := message.Body.(type) {
	case *icmp.Echo:
		if message.Type == ipv4.ICMPTypeEchoReply {
			a.end, of = true, echoed{uint16(body.ID), uint16(body.Seq)}
		}
	case *icmp.TimeExceeded:
		of = cause(body.Data)
	case *icmp.DstUnreach:
		of, a.refusal = cause(body.Data), unreachable(message.Code)
	}
	return a, of
}

// cause is the echo in an ICMP error, the zero value if it is none.
func cause(datagram []byte) (of echoed) {
	if len(datagram) < 20 {
		return of
	}
	head := int(datagram[0]&15) * 4
	if datagram[9] != 1 || len(datagram) < head+8 || datagram[head] != byte(ipv4.ICMPTypeEcho) {
		return of
	}
	return echoed{binary.BigEndian.Uint16(datagram[head+4:]), binary.BigEndian.Uint16(datagram[head+6:])}
}

// unreachable names the codes of RFC 792 and RFC 1812, 5.2.7.1.
func unreachable(code int) string {
	switch code {
	case 0:
		return "network unreachable"
	case 1:
		return "host unreachable"
	case 9, 10, 13:
		return "prohibited by a filter"
	}
	return "destination unreachable"
}
