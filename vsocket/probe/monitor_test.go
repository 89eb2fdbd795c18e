package probe

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"releve.dev/releve/core/fitness"
)

// readings collects what a monitor emits.
type readings struct {
	t  *testing.T
	ch chan reading
}

type reading struct {
	kind fitness.Kind
	ok   bool
}

func watch(t *testing.T, cfg Config) *readings {
	t.Helper()
	m := must(Open(cfg))(t)
	r := &readings{t: t, ch: make(chan reading, 10_000)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- m.Run(ctx, func(kind fitness.Kind, ok bool) { r.ch <- reading{kind, ok} }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return r
}

// until waits for five readings in a row of each kind that are as wanted.
func (r *readings) until(wan, lan bool) {
	r.t.Helper()
	want := map[fitness.Kind]bool{fitness.WAN: wan, fitness.LAN: lan}
	row := map[fitness.Kind]int{}
	deadline := time.After(60 * time.Second)
	for row[fitness.WAN] < 5 || row[fitness.LAN] < 5 {
		select {
		case got := <-r.ch:
			row[got.kind]++
			if got.ok != want[got.kind] {
				row[got.kind] = 0
			}
		case <-deadline:
			r.t.Fatalf("no five readings in a row with WAN %v and LAN %v", wan, lan)
		}
	}
}

func config(targets ...netip.Addr) Config {
	return Config{WAN: "wan", Targets: targets, LAN: "lan", LANAddr: addr(ownLAN), Gateway: addr(gateway), Interval: 20 * time.Millisecond}
}

// Each path is read by itself, and comes back when its link does; one Internet
// address of several is enough.
func TestReadingsFollowTheLinks(t *testing.T) {
	w := newWorld(t)
	r := watch(t, config(addr(silent), addr(internet)))
	r.until(true, true)
	w.cut("wan", true)
	r.until(false, true)
	w.cut("lan", true)
	r.until(false, false)
	w.cut("wan", false)
	r.until(true, false)
	w.cut("lan", false)
	r.until(true, true)
}

// The vSocket's own end down and up again: the sockets survive it.
func TestSurvivesItsOwnLinkDown(t *testing.T) {
	w := newWorld(t)
	r := watch(t, config(addr(internet)))
	r.until(true, true)
	must(0, netlink.LinkSetDown(w.link("wan")))(t)
	must(0, netlink.LinkSetDown(w.link("lan")))(t)
	r.until(false, false)
	must(0, netlink.LinkSetUp(w.link("wan")))(t)
	must(0, netlink.LinkSetUp(w.link("lan")))(t)
	r.until(true, true)
}

// An address that answers by another interface says nothing about the WAN.
func TestProbeGoesOutByTheWAN(t *testing.T) {
	newWorld(t).cut("wan", true)
	watch(t, config(addr(gateway))).until(false, true)
}

// A silent target alone, and a gateway that nobody has: both down.
func TestSilence(t *testing.T) {
	newWorld(t)
	cfg := config(addr(silent))
	cfg.Gateway = addr("10.102.2.77")
	watch(t, cfg).until(false, false)
}

// Bad input: what is wrong, and the way out; what was opened is closed again.
func TestOpenSaysWhatToDo(t *testing.T) {
	newWorld(t)
	for name, spoil := range map[string]func(*Config){
		"nosuch0": func(c *Config) { c.WAN = "nosuch0" },
		"nosuch1": func(c *Config) { c.LAN = "nosuch1" },
	} {
		cfg := config(addr(internet))
		spoil(&cfg)
		_, err := Open(cfg)
		if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "\nhint: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Only a reply of that very address, in ARP's one form, is an answer.
func TestAnswers(t *testing.T) {
	mac := []byte{2, 0, 0, 0, 0, 1}
	reply := encodeARP(arpReply, mac, addr(gateway), addr(ownLAN))
	if !answers(reply, addr(gateway)) {
		t.Error("a reply is no answer")
	}
	if !answers(append(reply, make([]byte, 18)...), addr(gateway)) {
		t.Error("a padded reply is no answer (Ethernet's shortest frame)")
	}
	if answers(encodeARP(arpRequest, mac, addr(gateway), addr(ownLAN)), addr(gateway)) {
		t.Error("a question is an answer")
	}
	if answers(reply, addr(ownLAN)) {
		t.Error("another's reply is an answer")
	}
	for n := range reply {
		if answers(reply[:n], addr(gateway)) {
			t.Errorf("%d bytes are an answer", n)
		}
	}
}

// FuzzAnswers: an answer is a reply of the asked address's that encodeARP makes,
// and behind it maybe the padding of a short Ethernet frame.
func FuzzAnswers(f *testing.F) {
	f.Add(encodeARP(arpReply, make([]byte, 6), addr(gateway), addr(ownLAN)))
	f.Add(append(encodeARP(arpReply, make([]byte, 6), addr(gateway), addr(ownLAN)), 0, 0))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if !answers(b, addr(gateway)) {
			return
		}
		if len(b) < arpSize {
			t.Fatalf("%x is an answer", b)
		}
		again := encodeARP(arpReply, net.HardwareAddr(b[8:14]), addr(gateway), netip.AddrFrom4([4]byte(b[24:28])))
		copy(again[18:24], b[18:24]) // the asker's own, which encodeARP leaves out
		if !bytes.Equal(again, b[:arpSize]) {
			t.Fatalf("%x is an answer, %x is one", b, again)
		}
	})
}
