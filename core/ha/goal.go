package ha

import "releve.dev/releve/site"

// Mode is what is wanted of the steering (core/steer).
type Mode uint8

// The modes. Only Claim and Hold write.
const (
	Rest    Mode = iota // look at the register now and then: is the third there?
	Watch               // look at the register every 2 s: who holds the term?
	Prepare             // fetch both NICs, so that a claim can go out at once
	Claim               // compare-and-swap the register from Goal.Claim.Term-1 to Goal.Claim
	Hold                // reconcile: the floating IP on the own NIC alone, Goal.Claim in both tags
)

func (m Mode) String() string {
	return [...]string{"rest", "watch", "prepare", "claim", "hold"}[m]
}

// Goal is what the role machine wants. A goal replaces the one before.
type Goal struct {
	Mode  Mode
	Claim site.Claim // of Claim and Hold
	Alone bool       // of Hold: the peer is silent, so the register is read every 2 s (R11)
	Shut  bool       // of Hold: the lease is out, so nothing but a lost claim is written (ha.md section 4)
	Third bool       // of Hold: the register is the third, so it decides between two holders of one term
}
