// Package witness runs core/witness for all sites of a PoP: the socket inside the
// tunnels, the keys, the records on the disk, and the way of each site's traffic
// when a term is granted.
//
// A question costs its site's lock and no more; a grant, which is rare, waits for
// the disk beside the loop, so that no other site's lease is late for it.
package witness

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"releve.dev/releve/core/witness"
	"releve.dev/releve/site"
	"releve.dev/releve/slots"
	"releve.dev/releve/wire/auth"
	wire "releve.dev/releve/wire/witness"
)

// Ways is who lets a site's traffic through.
type Ways interface {
	Downstream(site string, side site.Side) error
	Upstream(site string, sides ...site.Side) error
}

// Site is a site as the witness knows it.
type Site struct {
	Name     string
	ID       uint64
	VSockets [2]VSocket // by site.Side, the primary first; without a key: there is none
}

// VSocket is one of its two.
type VSocket struct {
	Address netip.Addr // inside the tunnel; questions from elsewhere are refused
	Key     []byte
}

// Config is what a server must know.
type Config struct {
	Dir   string        // of the records
	Run   func() uint64 // random, not 0: names a life of a site's witness
	Clock func() time.Duration
	Ways  Ways
	Note  func(site, what, detail string) // a line of the timeline; may be called by any goroutine
}

// Counts are datagrams since the start, by what became of them.
type Counts struct {
	Good      uint64 `json:"good"`
	Malformed uint64 `json:"malformed"` // no question
	Unknown   uint64 `json:"unknown"`   // of no site, or side of one, that is served here
	Forged    uint64 `json:"forged"`    // not signed with the vSocket's key
	Misplaced uint64 `json:"misplaced"` // not from the vSocket's own address
	Busy      uint64 `json:"busy"`      // while the site's record was being written
}

// Server is the witness of all sites.
type Server struct {
	cfg   Config
	store *store
	conn  *net.UDPConn

	mu    sync.RWMutex
	sites map[uint64]*served

	counts struct{ good, malformed, unknown, forged, misplaced, busy atomic.Uint64 }
	saving sync.WaitGroup
}

// served is one site.
type served struct {
	Site
	server *Server
	mu     sync.Mutex
	core   *witness.Witness
	file   *slots.Slots
	sides  [2]peer
	in     wire.Question
	out    []byte
	timer  *time.Timer // until core.Next
	failed error       // the record can't be kept: nothing is granted any more
	gone   bool
}

// peer is where a side's questions come from, and what signs the talk with it.
type peer struct {
	mac  auth.MAC
	from netip.AddrPort
}

// Open makes a server without a site.
func Open(cfg Config) (*Server, error) {
	store, err := openStore(cfg.Dir)
	if err != nil {
		return nil, err
	}
	return &Server{cfg: cfg, store: store, sites: map[uint64]*served{}}, nil
}

// Serve makes these the sites that are served. One that was before, with the same
// keys, feels nothing.
func (s *Server) Serve(sites []Site) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := make([]uint64, len(sites))
	for i := range sites {
		ids[i] = sites[i].ID
	}
	if err := s.store.remake(ids); err != nil {
		return err
	}
	before := s.sites
	s.sites = map[uint64]*served{}
	var failed error
	for _, site := range sites {
		if old := before[site.ID]; old != nil && old.same(&site) {
			s.sites[site.ID] = old
			delete(before, site.ID)
			continue
		}
		if old := before[site.ID]; old != nil {
			old.end() // before its record is opened again
			delete(before, site.ID)
		}
		one, err := s.begin(site)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		s.sites[site.ID] = one
	}
	for _, old := range before {
		old.end()
	}
	return failed
}

func (s *Server) begin(of Site) (*served, error) {
	file, record, lost, err := s.store.open(of.ID)
	if err != nil {
		return nil, err
	}
	v := &served{Site: of, server: s, file: file}
	for i := range v.sides {
		if key := of.VSockets[i].Key; len(key) > 0 {
			v.sides[i].mac = auth.NewHMAC(key)
		}
	}
	now := s.cfg.Clock()
	v.core = witness.New(of.ID, s.cfg.Run(), record, lost, now)
	v.mu.Lock()
	v.carryOut(v.core.Start(now))
	return v, nil
}

func (v *served) same(other *Site) bool {
	if v.Name != other.Name {
		return false
	}
	for i, socket := range v.VSockets {
		if socket.Address != other.VSockets[i].Address || string(socket.Key) != string(other.VSockets[i].Key) {
			return false
		}
	}
	return true
}

func (v *served) end() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.gone = true
	if v.timer != nil {
		v.timer.Stop()
	}
}

// Listen answers questions on a socket until it is closed.
func (s *Server) Listen(conn *net.UDPConn) error {
	s.conn = conn
	defer s.saving.Wait()
	buf := make([]byte, maxDatagram)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		s.take(buf[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
	}
}

const maxDatagram = 1024

// take is a datagram's way in.
func (s *Server) take(datagram []byte, from netip.AddrPort) {
	id, side, ok := wire.Sender(datagram)
	if !ok {
		s.counts.malformed.Add(1)
		return
	}
	s.mu.RLock()
	v := s.sites[id]
	s.mu.RUnlock()
	if v == nil || v.sides[side-site.Primary].mac == nil {
		s.counts.unknown.Add(1)
		return
	}
	if from.Addr() != v.VSockets[side-site.Primary].Address {
		s.counts.misplaced.Add(1)
		return
	}
	if !v.mu.TryLock() { // its record is being written: it asks again soon
		s.counts.busy.Add(1)
		return
	}
	v.hear(datagram, side, from)
}

// hear takes the lock and gives it back.
func (v *served) hear(datagram []byte, side site.Side, from netip.AddrPort) {
	s, p := v.server, &v.sides[side-site.Primary]
	switch err := wire.DecodeQuestion(datagram, &v.in, p.mac); {
	case err == nil && !v.gone:
		s.counts.good.Add(1)
		p.from = from
		v.carryOut(v.core.Hear(s.cfg.Clock(), &v.in))
		return
	case errors.Is(err, wire.ErrForged):
		s.counts.forged.Add(1)
	case err != nil:
		s.counts.malformed.Add(1)
	}
	v.mu.Unlock()
}

// carryOut does what the core says, and gives the lock back. What has to wait for
// the disk is done beside.
func (v *served) carryOut(actions []witness.Action) {
	for _, action := range actions {
		if _, saves := action.(witness.Save); saves {
			v.server.saving.Go(func() {
				v.do(actions)
				v.mu.Unlock()
			})
			return
		}
	}
	v.do(actions)
	v.mu.Unlock()
}

func (v *served) do(actions []witness.Action) {
	s := v.server
	for _, action := range actions {
		var err error
		switch a := action.(type) {
		case witness.Save:
			if err = v.file.Save(encode(a.Record)); err != nil {
				v.fail(err)
				return
			}
		case witness.Route:
			err = s.cfg.Ways.Downstream(v.Name, a.To)
		case witness.Upstream:
			err = s.cfg.Ways.Upstream(v.Name, sides(a)...)
		case witness.Say:
			v.say(a.Reply)
		case witness.Note:
			s.cfg.Note(v.Name, a.What, a.Detail)
		}
		if err != nil {
			s.cfg.Note(v.Name, "failed", err.Error())
		}
	}
	v.wake()
}

func sides(u witness.Upstream) (sides []site.Side) {
	if u.Primary {
		sides = append(sides, site.Primary)
	}
	if u.Secondary {
		sides = append(sides, site.Secondary)
	}
	return sides
}

// fail: what isn't durable was never granted, so this site's witness falls silent
// rather than speak of it. Its active lives on by its peer's answers.
func (v *served) fail(err error) {
	v.failed, v.gone = err, true
	v.server.cfg.Note(v.Name, "failed", err.Error()+"; the site's witness answers nothing until the PoP is restarted")
}

// say sends to where the side was heard last. Loss is normal.
func (v *served) say(r *wire.Reply) {
	p := &v.sides[r.To-site.Primary]
	if v.server.conn == nil || !p.from.IsValid() {
		return
	}
	v.out = wire.AppendReply(v.out[:0], r, p.mac)
	_, _ = v.server.conn.WriteToUDPAddrPort(v.out, p.from)
}

// wake lets the core have its Tick.
func (v *served) wake() {
	next, ok := v.core.Next()
	if !ok || v.timer != nil {
		return
	}
	v.timer = time.AfterFunc(next-v.server.cfg.Clock(), func() {
		v.mu.Lock()
		v.timer = nil
		if v.gone {
			v.mu.Unlock()
			return
		}
		v.carryOut(v.core.Tick(v.server.cfg.Clock()))
	})
}
