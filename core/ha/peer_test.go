package ha

import (
	"testing"

	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
)

// Section 5, 6: a boot of the peer's that was accepted and has been replaced
// doesn't come back by what it once sent. All of that echoes a nonce of ours; so
// a boot that has been accepted costs the nonce.
func TestAReplacedBootStaysReplaced(t *testing.T) {
	r := newRig(t, site.Secondary, State{})
	boot := func(id byte, seq uint64) *keepalive.Message {
		r.now += 10 * ms
		r.step(Tick{})
		return &keepalive.Message{From: site.Primary, Boot: site.BootID{id}, Seq: seq, Sent: r.now, Nonce: uint64(id),
			HelloNonce: r.m.nonce, Third: keepalive.ARM, Version: site.Release, Role: site.Standby}
	}
	first := boot(4, 1)
	r.step(Heard{first})
	late := boot(4, 9) // sent by the first boot, and kept by somebody
	second := boot(5, 1)
	r.step(Heard{second})
	if r.m.peer.boot != second.Boot {
		t.Fatalf("the new boot isn't accepted: %s", r.m.peer.boot)
	}
	late.Role, late.EchoNonce, late.HelloNonce = site.Active, late.HelloNonce, 0 // as one that has accepted us
	for _, old := range []*keepalive.Message{late, first} {
		r.step(Heard{old})
		if r.m.peer.boot != second.Boot || r.m.peer.msg.Role == site.Active {
			t.Fatalf("boot %s is back", r.m.peer.boot)
		}
	}
	second.Seq++
	if r.step(Heard{second}); r.m.peer.msg.Seq != second.Seq {
		t.Error("the present boot isn't heard any more")
	}
}
