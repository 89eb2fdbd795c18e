package witness

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	core "releve.dev/releve/core/witness"
	"releve.dev/releve/site"
	"releve.dev/releve/wire/auth"
	wire "releve.dev/releve/wire/witness"
)

// ways remembers where traffic goes.
type ways struct {
	mu   sync.Mutex
	down site.Side
	up   []site.Side
}

func (w *ways) Downstream(_ string, side site.Side) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = side
	return nil
}

func (w *ways) Upstream(_ string, sides ...site.Side) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.up = sides
	return nil
}

// rig is a server, and the two vSockets of a site.
type rig struct {
	t      *testing.T
	server *Server
	conn   *net.UDPConn
	ways   *ways
	dir    string
	clock  time.Duration // the server's, which only the test moves
	mu     sync.Mutex
	socks  [2]*vsocket
}

type vsocket struct {
	conn *net.UDPConn
	mac  auth.MAC
	q    wire.Question
	r    wire.Reply
}

var keys = [2][]byte{[]byte("the primary's key"), []byte("the secondary's")}

func newRig(t *testing.T, dir string) *rig {
	r := &rig{t: t, ways: &ways{}, dir: dir}
	addr := netip.MustParseAddr("127.0.0.1")
	var err error
	r.server, err = Open(Config{Dir: dir, Run: func() uint64 { return rand.Uint64() | 1 }, Ways: r.ways, Note: func(_, what, detail string) { t.Log(what, detail) },
		Clock: func() time.Duration { r.mu.Lock(); defer r.mu.Unlock(); return r.clock }})
	r.must(err)
	r.must(r.server.Serve([]Site{{Name: "lab", ID: 7, VSockets: [2]VSocket{{addr, keys[0]}, {addr, keys[1]}}}}))
	r.conn, err = net.ListenUDP("udp4", &net.UDPAddr{IP: addr.AsSlice()})
	r.must(err)
	done := make(chan error, 1)
	go func() { done <- r.server.Listen(r.conn) }()
	t.Cleanup(func() {
		r.conn.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	for i := range r.socks {
		r.socks[i] = &vsocket{mac: auth.NewHMAC(keys[i])}
		r.socks[i].conn, err = net.DialUDP("udp4", nil, r.conn.LocalAddr().(*net.UDPAddr))
		r.must(err)
		t.Cleanup(func() { r.socks[i].conn.Close() })
		r.socks[i].q = wire.Question{Site: 7, From: site.Primary + site.Side(i), Boot: site.BootID{byte(i + 1)}, Fit: true, Role: site.Standby}
	}
	return r
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) pass(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clock += d
}

// ask sends a side's question, again when it got lost while the record was being
// written, and takes the reply to it.
func (r *rig) ask(side site.Side, change func(q *wire.Question)) *wire.Reply {
	r.t.Helper()
	v := r.socks[side-site.Primary]
	v.q.Run, v.q.Nonce, v.q.Heard = v.r.Run, v.r.Nonce, v.r.Seq
	for range 100 {
		v.q.Seq++
		v.q.Sent += time.Millisecond
		q := v.q
		if change != nil {
			change(&q)
		}
		_, err := v.conn.Write(wire.AppendQuestion(nil, &q, v.mac))
		r.must(err)
		if v.told(r.t, q.Seq) {
			return &v.r
		}
	}
	r.t.Fatal("no reply")
	return nil
}

// told reads until the reply to a question.
func (v *vsocket) told(t *testing.T, seq uint64) bool {
	buf := make([]byte, maxDatagram)
	for {
		if err := v.conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		n, err := v.conn.Read(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return false
		}
		if err == nil {
			err = wire.DecodeReply(buf[:n], &v.r, v.mac)
		}
		if err != nil {
			t.Fatal(err)
		}
		if v.r.Heard == seq {
			return true
		}
	}
}

// meet lets both be accepted.
func (r *rig) meet() {
	for _, side := range []site.Side{site.Primary, site.Secondary} {
		r.ask(side, nil)
		r.ask(side, nil)
	}
}

func (r *rig) claim(side site.Side, from site.Term) *wire.Reply {
	return r.ask(side, func(q *wire.Question) {
		q.Role = site.Claiming
		q.Claim = wire.Claim{From: from, Nonce: uint64(from) + 1, Generation: 1, Lease: 200 * time.Millisecond}
	})
}

// A term is granted once, is on the disk when it is told, and sends the site's
// traffic to its holder (R7, ha.md section 5, 2).
func TestGrantIsDurableAndFences(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "records")
	r := newRig(t, made(t, dir))
	r.meet()
	if reply := r.claim(site.Primary, 0); reply.Grant != 0 || reply.State != wire.Young {
		t.Fatalf("granted in the first seconds: %+v", reply)
	}
	r.pass(core.LeaseMax)
	reply := r.claim(site.Primary, 0)
	if reply.Grant != 1 || reply.Record.Term != 1 || reply.Record.Holder != site.Primary || reply.Answer != 1 {
		t.Fatalf("%+v", reply)
	}
	_, record, lost, err := (&store{dir: dir}).open(7)
	if err != nil || lost || record == nil || record.Claim != reply.Record {
		t.Fatalf("on the disk: %+v, lost %v, %v; told %v", record, lost, err, reply.Record)
	}
	if late := r.claim(site.Secondary, 0); late.Grant != 0 || late.Record != reply.Record {
		t.Errorf("granted twice: %+v", late)
	}
	r.ways.mu.Lock()
	defer r.ways.mu.Unlock()
	if r.ways.down != site.Primary || len(r.ways.up) != 1 || r.ways.up[0] != site.Primary {
		t.Errorf("traffic goes to %s, comes from %v", r.ways.down, r.ways.up)
	}
}

// made makes the store of a new PoP, as releve-pop init does.
func made(t *testing.T, dir string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// R10: a witness that has lost its records answers nobody until it has heard both,
// also over a restart meanwhile; then it begins above what they know.
func TestLostRecordsWaitForBothR10(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "records")
	for range 2 {
		r := newRig(t, dir)
		r.pass(core.LeaseMax)
		r.socks[0].q.Granted = site.Claim{Term: 5, Holder: site.Primary, Boot: site.BootID{1}}
		r.ask(site.Primary, nil)
		if reply := r.claim(site.Primary, 5); reply.State != wire.Blank || reply.Grant != 0 {
			t.Fatalf("with one heard: %+v", reply)
		}
	}
	r := newRig(t, dir)
	r.pass(core.LeaseMax)
	r.socks[0].q.Granted = site.Claim{Term: 5, Holder: site.Primary, Boot: site.BootID{1}}
	r.meet()
	r.ask(site.Primary, nil) // tells it of the secondary
	if reply := r.ask(site.Primary, nil); reply.State != wire.Serving || reply.Record != (site.Claim{Term: 6}) {
		t.Fatalf("with both heard: %+v", reply)
	}
}

// A site whose settings change under way (a new key for one of its vSockets) gets
// a witness of another life, so that the other vSocket goes on believing it.
func TestAChangedSiteIsAnotherLife(t *testing.T) {
	r := newRig(t, made(t, filepath.Join(t.TempDir(), "records")))
	r.meet()
	r.pass(core.LeaseMax)
	r.claim(site.Primary, 0)
	before := *r.ask(site.Primary, nil)
	addr := netip.MustParseAddr("127.0.0.1")
	r.must(r.server.Serve([]Site{{Name: "lab", ID: 7, VSockets: [2]VSocket{{addr, keys[0]}, {addr, []byte("a new one")}}}}))
	r.ask(site.Primary, nil)
	after := *r.ask(site.Primary, nil)
	if after.Run == before.Run {
		t.Fatalf("told %d in life %d, after %d in the same: nobody would believe it", after.Seq, after.Run, before.Seq)
	}
	if after.Record != before.Record || after.State != wire.Young {
		t.Errorf("it says %+v, after %+v", after, before)
	}
}

// Bad input is refused and counted, and the site feels nothing.
func TestBadInputIsCounted(t *testing.T) {
	r := newRig(t, made(t, filepath.Join(t.TempDir(), "records")))
	r.meet()
	good := r.socks[0].q
	other := good
	other.Site = 8
	elsewhere := good
	elsewhere.From = site.Secondary
	for _, bad := range [][]byte{[]byte("hello"), wire.AppendQuestion(nil, &other, r.socks[0].mac),
		wire.AppendQuestion(nil, &good, auth.NewHMAC([]byte("a guess"))), wire.AppendQuestion(nil, &elsewhere, r.socks[0].mac)} {
		_, err := r.socks[0].conn.Write(bad)
		r.must(err)
	}
	far, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)})
	r.must(err)
	defer far.Close()
	_, err = far.WriteTo(wire.AppendQuestion(nil, &good, r.socks[0].mac), r.conn.LocalAddr())
	r.must(err)
	r.ask(site.Primary, nil) // behind the others in the socket
	got := r.server.Counts()
	if want := (Counts{Good: got.Good, Malformed: 1, Unknown: 1, Forged: 2, Misplaced: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if status, ok := r.server.Status(7); !ok || !status.Primary.Ever || status.State != "young" {
		t.Errorf("%+v", status)
	}
}
