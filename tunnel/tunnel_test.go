package tunnel

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"releve.dev/releve/lab/room"
	"releve.dev/releve/lab/room/roomtest"
)

// TestMain is also the program that a device's process runs.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "device" {
		if err := Serve(context.Background(), os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	roomtest.Main(m)
}

var self = []string{"/proc/self/exe", "device"}

// patience is how long a packet is waited for that must come.
const patience = 10 * time.Second

func must[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// end is one of the two hosts, with its device.
type end struct {
	t       testing.TB
	host    *room.Host
	outer   string
	inner   string
	name    string
	key     Key
	device  *Device
	conn    *net.UDPConn // in the tunnel
	another *end
}

// pair is two hosts with a cable: a at 192.0.2.1, 10.9.0.1 inside, and b.
func pair(t testing.TB) (a, b *end) {
	roomtest.Need(t)
	a = &end{t: t, outer: "192.0.2.1", inner: "10.9.0.1", name: "wg-a", key: GenerateKey()}
	b = &end{t: t, outer: "192.0.2.2", inner: "10.9.0.2", name: "wg-b", key: GenerateKey(), another: a}
	a.another = b
	for _, e := range []*end{a, b} {
		e.host = must(room.NewHost(e.name))(t)
		t.Cleanup(func() { e.host.Close() })
	}
	must(0, a.host.Do(func() error {
		return netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "eth0"}, PeerName: "eth0", PeerNamespace: netlink.NsFd(b.host.NS)})
	}))(t)
	for _, e := range []*end{a, b} {
		must(0, e.host.Do(func() error { return raise("eth0", e.outer+"/24") }))(t)
		e.open()
		t.Cleanup(func() { e.device.Close() })
	}
	return a, b
}

func raise(name, address string) error {
	addr, err := netlink.ParseAddr(address)
	if err != nil {
		return err
	}
	link, err := netlink.LinkByName(name)
	if err == nil {
		err = netlink.AddrAdd(link, addr)
	}
	if err == nil {
		err = netlink.LinkSetUp(link)
	}
	return err
}

func (e *end) config() Config {
	return Config{Name: e.name, PrivateKey: e.key, ListenPort: 51820, Program: self}
}

func (e *end) open() {
	e.t.Helper()
	must(0, e.host.Do(func() (err error) {
		if e.device, err = Open(e.config()); err != nil {
			return err
		}
		return raise(e.name, e.inner+"/24")
	}))(e.t)
	e.conn = must(e.host.ListenUDP(&net.UDPAddr{IP: net.ParseIP(e.inner), Port: 7000}))(e.t)
	e.t.Cleanup(func() { e.conn.Close() })
}

// meet sets the other as the only peer.
func (e *end) meet() {
	e.t.Helper()
	must(0, e.device.Set([]Peer{e.peer()}))(e.t)
}

func (e *end) peer() Peer {
	o := e.another
	return Peer{PublicKey: o.key.Public(), Endpoint: netip.MustParseAddrPort(o.outer + ":51820"),
		Allowed: []netip.Prefix{netip.MustParsePrefix(o.inner + "/32")}}
}

// reaches sends until the other has it, and says how long that took.
func (e *end) reaches(within time.Duration) (time.Duration, bool) {
	e.t.Helper()
	o, began := e.another, time.Now()
	token := []byte(fmt.Sprint(began.UnixNano()))
	for got := make([]byte, 64); time.Since(began) < within; {
		must(e.conn.WriteToUDPAddrPort(token, netip.MustParseAddrPort(o.inner+":7000")))(e.t)
		must(0, o.conn.SetReadDeadline(time.Now().Add(20*time.Millisecond)))(e.t)
		for {
			n, err := o.conn.Read(got)
			if err != nil {
				break
			}
			if string(got[:n]) == string(token) {
				return time.Since(began), true
			}
		}
	}
	return time.Since(began), false
}

func (e *end) mustReach() time.Duration {
	e.t.Helper()
	took, ok := e.reaches(patience)
	if !ok {
		e.t.Fatalf("%s doesn't reach %s through the tunnel", e.name, e.another.name)
	}
	return took
}

func (e *end) stats() Stats {
	e.t.Helper()
	all := must(e.device.Stats())(e.t)
	if len(all) != 1 {
		e.t.Fatalf("%d peers, not one: %v", len(all), all)
	}
	return all[0]
}

func TestTwoDevicesCarryTraffic(t *testing.T) {
	a, b := pair(t)
	a.meet()
	b.meet()
	t.Log("first packet after", a.mustReach(), "there,", b.mustReach(), "back; the kernel's own:", a.device.Kernel())
	s := a.stats()
	if s.PublicKey != b.key.Public() || s.Endpoint.String() != "192.0.2.2:51820" || time.Since(s.Handshake) > patience || s.Sent == 0 || s.Received == 0 {
		t.Errorf("a says of b: %+v", s)
	}
	var mtu int
	must(0, a.host.Do(func() error {
		l, err := netlink.LinkByIndex(a.device.Index())
		mtu = l.Attrs().MTU
		return err
	}))(t)
	if mtu != MTU {
		t.Errorf("mtu %d, not %d", mtu, MTU)
	}
}

func TestSetLeavesAPeerAlone(t *testing.T) {
	a, b := pair(t)
	a.meet()
	b.meet()
	a.mustReach()
	before := a.stats()
	other := Peer{PublicKey: GenerateKey().Public(), Allowed: []netip.Prefix{netip.MustParsePrefix("10.9.0.3/32")}}
	must(0, a.device.Set([]Peer{other, a.peer()}))(t)
	if n := len(must(a.device.Stats())(t)); n != 2 {
		t.Errorf("%d peers, not 2", n)
	}
	a.meet()
	if after := a.stats(); after.Handshake != before.Handshake || after.Received < before.Received {
		t.Errorf("the session began anew: %+v, then %+v", before, after)
	}
	must(0, a.device.Set(nil))(t)
	if _, ok := b.reaches(100 * time.Millisecond); ok {
		t.Error("a packet of a peer that was taken out passes")
	}
}

// The survivor has a session with an end that knows nothing of it any more, and
// by WireGuard's own timers would keep it for 15 s.
func TestRenewAfterTheOtherHasDied(t *testing.T) {
	a, b := pair(t)
	a.meet()
	b.meet()
	a.mustReach()
	kill(t, b)
	b.open()
	b.meet()
	if took, ok := a.reaches(200 * time.Millisecond); ok {
		t.Fatalf("passes after %s without being renewed: this test shows nothing", took)
	}
	must(0, a.device.Renew(b.key.Public()))(t)
	took := a.mustReach()
	t.Log("traffic", took, "after the renewal")
	if took > 2*time.Second {
		t.Errorf("traffic %s after the renewal", took)
	}
}

// kill ends an end as a crash does, and waits until its device has noticed.
func kill(t *testing.T, e *end) {
	t.Helper()
	if e.device.Kernel() {
		must(0, e.device.Close())(t)
		return
	}
	must(0, e.device.child.cmd.Process.Kill())(t)
	select {
	case <-e.device.Done():
	case <-time.After(patience):
		t.Fatal("a killed wireguard-go isn't noticed")
	}
	must(0, e.device.Close())(t)
	e.conn.Close()
}

func TestATakenName(t *testing.T) {
	a, b := pair(t)
	for who, host := range map[string]*room.Host{"a host with the interface": a.host, "another host with the same /var/run": b.host} {
		err := host.Do(func() error {
			second, err := Open(a.config())
			if err == nil {
				second.Close()
			}
			return err
		})
		if !errors.Is(err, ErrTaken) && !(a.device.Kernel() && host == b.host) {
			t.Errorf("%s: %v", who, err)
		}
	}
	a.meet()
	b.meet()
	a.mustReach()
}

func TestATakenPort(t *testing.T) {
	a, _ := pair(t)
	cfg := a.config()
	cfg.Name = "wg-c"
	err := a.host.Do(func() error {
		_, err := Open(cfg)
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "udp port 51820 is in use") {
		t.Errorf("a second device on the port: %v", err)
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	a, _ := pair(t)
	must(0, a.device.Close())(t)
	must(0, a.device.Close())(t)
	<-a.device.Done()
	gone := a.host.Do(func() error {
		_, err := netlink.LinkByName(a.name)
		return err
	})
	if !errors.As(gone, new(netlink.LinkNotFoundError)) {
		t.Errorf("the interface after Close: %v", gone)
	}
	if _, err := os.Stat("/var/run/wireguard/" + a.name + ".sock"); !os.IsNotExist(err) {
		t.Errorf("its socket after Close: %v", err)
	}
	if err := a.device.Set(nil); err != nil {
		t.Errorf("no change to a closed device: %v", err)
	}
	if err := a.device.Set([]Peer{a.peer()}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("peers of a closed device: %v", err)
	}
}

// The device's process must not outlive its parent, however that one dies.
func TestTheDeviceEndsWithItsParent(t *testing.T) {
	roomtest.Need(t)
	host := must(room.NewHost("orphan"))(t)
	defer host.Close()
	ours, theirs, err := socketPair()
	must(0, err)(t)
	child := exec.Command("/proc/self/exe", "device", "wg-orphan")
	child.ExtraFiles = []*os.File{theirs}
	child.Stderr = os.Stderr
	must(0, host.Start(child))(t)
	theirs.Close()
	p := &process{cmd: child, line: ours, ended: make(chan struct{})}
	must(0, p.await())(t)
	ours.Close() // as the kernel does for a parent that was killed
	timer := time.AfterFunc(patience, func() { child.Process.Signal(syscall.SIGKILL) })
	defer timer.Stop()
	if err := child.Wait(); err != nil {
		t.Error("it had to be killed:", err)
	}
}

func TestManyPeers(t *testing.T) {
	a, _ := pair(t)
	peers := make([]Peer, 4000)
	for i := range peers {
		peers[i] = Peer{PublicKey: GenerateKey().Public(), Allowed: []netip.Prefix{
			netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64, byte(i >> 8), byte(i)}), 32),
			netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}), 24)}}
	}
	began := time.Now()
	must(0, a.device.Set(peers))(t)
	all := time.Since(began)
	began = time.Now()
	peers[17].Allowed = peers[17].Allowed[:1]
	must(0, a.device.Set(peers))(t)
	one := time.Since(began)
	began = time.Now()
	n := len(must(a.device.Stats())(t))
	t.Logf("%d peers set in %s, one of them changed in %s, asked for in %s", n, all, one, time.Since(began))
	if n != len(peers) {
		t.Errorf("%d peers, not %d", n, len(peers))
	}
	if one > time.Second {
		t.Errorf("a change of one peer among %d takes %s", n, one)
	}
}

func TestKeyText(t *testing.T) {
	k := GenerateKey()
	var back Key
	if err := back.UnmarshalText([]byte(k.String())); err != nil || back != k {
		t.Errorf("%v, %v", back, err)
	}
	for _, bad := range []string{"", "AAAA", k.String()[1:], k.String() + "="} {
		if err := back.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q passes for a key", bad)
		}
	}
}

// RFC 7748, section 6.1: Alice's pair.
func TestPublic(t *testing.T) {
	var private Key
	must(0, private.UnmarshalText([]byte("dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=")))(t)
	if got := private.Public().String(); got != "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=" {
		t.Error(got)
	}
}
