package sim

import (
	"time"

	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
)

// Schedule is one run as data.
type Schedule struct {
	Seed     uint64 // of everything that isn't written down: delays, losses, ids
	Settings Settings
	Faults   []Fault
}

// Settings are the site's, its network's and Azure's.
type Settings struct {
	Keepalive, Silent, Lease, Confirm, Hold time.Duration
	Witness                                 bool          // it is the third, not ARM
	Trip                                    time.Duration // one way through a tunnel to it
	Second                                  bool          // there is a second PoP
	Preempt, Stay, PeerVM                   bool
	HMAC                                    bool          // the real MAC in place of the cheap one
	Drift                                   [2]int        // parts per million, of the primary's and the secondary's clock
	Delay, Jitter                           time.Duration // one way on the LAN
	Profile                                 string        // Azure's delays (azure/emulator/profile) before the healing
	BusyRefuses, SucceededAtOnce, EtagAtEnd bool          // store.Switches
	CleanUp                                 time.Duration
	Safety, Heal                            time.Duration // lengths of the two phases
}

// Kind is what goes wrong.
type Kind string

// The kinds of fault. D, N and Code mean what is said here.
const (
	Cut   Kind = "cut"   // what Side sends on Path is lost
	Loss  Kind = "loss"  // N per cent of it
	Twice Kind = "twice" // N per cent of it arrives twice, the second time up to D later
	Spike Kind = "spike" // it takes up to D longer, and overtakes itself
	Flip  Kind = "flip"  // N per cent of it has a bit flipped
	Old   Kind = "old"   // N per cent of it is followed by something sent up to D ago, this boot's or not

	Crash  Kind = "crash"  // the agent dies, and is back after For; the gate's deadline stays
	KillAt Kind = "kill"   // the agent dies at its N-th effect from At on, in the middle of a step; back after For
	Reboot Kind = "reboot" // the VM dies, and is back after For
	Wipe   Kind = "wipe"   // the VM dies and loses its state
	Off    Kind = "off"    // somebody deallocates the VM: as Reboot, and ARM shows it
	Pause  Kind = "pause"  // the guest stands still, its clock runs on
	Freeze Kind = "freeze" // the guest stands still, and so does its clock
	Stall  Kind = "stall"  // the agent's process stands still, the kernel forwards on
	Late   Kind = "late"   // the agent's timers are late by up to D
	Stop   Kind = "stop"   // the agent is told to stop, and is back For after it has
	Disk   Kind = "disk"   // its state can't be saved
	WAN    Kind = "wan"    // Side's Internet is gone
	LAN    Kind = "lan"    // Side's LAN is gone, keepalives and gateway
	Probes Kind = "probes" // N per cent of Side's probes get no answer
	IMDS   Kind = "imds"   // Side's IMDS doesn't answer
	Token  Kind = "token"  // Side gets no token for ARM

	Silent   Kind = "silent"   // ARM doesn't answer Side, or nobody
	Refuse   Kind = "refuse"   // ARM answers Side's writes with Code
	Throttle Kind = "throttle" // ARM answers 429, to wait for D
	Deny     Kind = "deny"     // the identity has lost its role
	Lost     Kind = "lost"     // N requests take effect, but the answer is lost
	Fail     Kind = "fail"     // N accepted writes end Failed with Code
	Slow     Kind = "slow"     // ARM answers up to D later
	Stuck    Kind = "stuck"    // Side's requests take up to D to reach ARM
	Stale    Kind = "stale"    // GETs show what was D ago

	Tunnel     Kind = "tunnel"      // Side's tunnel carries nothing; N 1: up, 2: down, 0: both
	TunnelLoss Kind = "tunnel-loss" // it loses N per cent
	TunnelLate Kind = "tunnel-late" // it takes up to D longer; N as in tunnel
	TunnelOld  Kind = "tunnel-old"  // N per cent of its datagrams are followed by one sent up to D ago
	PoPDown    Kind = "pop-down"    // the PoP is gone for For
	PoPBlank   Kind = "pop-blank"   // and has lost its disk
	PoPBehind  Kind = "pop-behind"  // and has an old backup on it

	Change Kind = "settings" // the settings change: Side has the new ones at once, the other For later (settings.go)

	Move   Kind = "move"   // a person moves the floating IP to Side
	Remove Kind = "remove" // a person takes it off
	Untag  Kind = "untag"  // a person removes the claim from Side's NIC
	Edit   Kind = "edit"   // a person changes something else of Side's NIC
	Apply  Kind = "apply"  // a tool puts Side's NIC back to what it was

	Solo Kind = "solo" // until At Side is Master by itself: its first HA settings come then (solo.go)

	Readdress Kind = "readdress" // the site gets another floating IP: Side has the settings first, the other after D. N 0: the identity may write the routes; 1: when it is over there is a person who does; 2: it may not read them either, and the person says so
)

// Fault is one thing that goes wrong, from At on, for For.
type Fault struct {
	Kind    Kind
	At, For time.Duration
	Side    site.Side      // NoSide: both, or nobody's in particular
	Path    keepalive.Path // keepalive.Paths: all
	PoP     int            // 1 or 2; 0: both
	N       int
	D       time.Duration
	Code    string
}

// End is when it is over.
func (f *Fault) End() time.Duration { return f.At + f.For }

func (f *Fault) on(side site.Side) bool { return f.Side == site.NoSide || f.Side == side }

func (f *Fault) path(p keepalive.Path) bool { return f.Path == keepalive.Paths || f.Path == p }

// pops is how many there are.
func (c *Settings) pops() int {
	switch {
	case !c.Witness:
		return 0
	case c.Second:
		return 2
	}
	return 1
}

// healthy is what Azure is like in the healing.
var healthy = profile.Fast
