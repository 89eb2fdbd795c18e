// Package scenario is the table of what the lab can play: what is done to a
// site, what must come of it, and what must hold whatever is done (ha.md
// section 5).
package scenario

import (
	"fmt"
	"strings"
	"time"

	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/lab/world"
)

// Scenario is one row of the table.
type Scenario struct {
	Name    string
	Line    string // what happens, for lists
	Profile profile.Profile
	Zones   bool
	Alone   bool // the vSockets start without HA settings
	Cloud   bool // with a PoP, and a second site
	PoPs    int  // that the cloud has; 0: what the user says
	Managed bool // with a manager, which gives vSockets and PoPs what the site decides
	OneOnly bool // its site has no secondary yet
	Expect  Expect
	Choice  Choice // of crash points

	hold      time.Duration      // before a failback, unless the user says so; 0: the default
	pointwise bool               // made of crash points: quick timers, the agents are asked for their steps
	setUp     func(*stage) error // the site in a bare lab, before anything is measured
	play      func(*stage) error
	check     func(*evidence) []finding // what this row promises beyond the counts
}

// Expect is what is counted; in each cut, where several are played.
type Expect struct {
	Moves     Range
	Failbacks Range
	Lossless  bool // no packet is lost in either direction
	NoCopies  bool // no packet arrives twice
}

// Range is inclusive.
type Range struct{ From, To int }

func (r Range) has(n int) bool { return n >= r.From && n <= r.To }

func (r Range) String() string {
	if r.From == r.To {
		return fmt.Sprint(r.From)
	}
	return fmt.Sprintf("%d to %d", r.From, r.To)
}

var (
	none      = Range{0, 0}
	one       = Range{1, 1}
	atMostOne = Range{0, 1}
)

// All is the table, in the order in which it is listed.
var All = []Scenario{
	{Name: "story", Line: "the whole story: a crash, the takeover, the way back", Profile: profile.Fast,
		Expect: Expect{Moves: one, Failbacks: one}, play: playStory},
	{Name: "crash", Line: "the primary's VM is gone: links down, processes killed", Profile: profile.Instant,
		Expect: Expect{Moves: one}, play: playCrash},
	{Name: "stop", Line: "the primary's agent is told to stop, and hands over first", Profile: profile.Instant,
		Expect: Expect{Moves: one}, play: playStop, check: checkStop},
	{Name: "freeze", Line: "the primary's VM stands still for 10 s, then goes on", Profile: profile.Instant,
		Expect: Expect{Moves: one, Failbacks: one, NoCopies: true}, play: playFreeze, check: checkFreeze},
	{Name: "wan-cut", Line: "the primary's WAN is dead, and it says so", Profile: profile.Instant,
		Expect: Expect{Moves: one}, play: playUnfit("wan-cut"), check: checkUnfit},
	{Name: "lan-cut", Line: "the primary's LAN is dead, and it says so over MGMT", Profile: profile.Instant,
		Expect: Expect{Moves: one}, play: playUnfit("lan-cut"), check: checkUnfit},
	{Name: "keepalive-cut", Line: "the LAN drops keepalives; nothing else is wrong", Profile: profile.Instant,
		Expect: Expect{Lossless: true}, play: playKeepaliveCut, check: checkKeepaliveCut},
	{Name: "peer-cut", Line: "the two can't reach each other for 60 s, both alive and fit", Profile: profile.Instant,
		Expect: Expect{Moves: atMostOne, Failbacks: atMostOne}, play: playPeerCut},
	{Name: "azure-slow", Line: "a crash, and Azure takes up to 120 s for each write", Profile: profile.Slow,
		Expect: Expect{Moves: one}, play: playCrash, check: checkSlow},
	{Name: "azure-down", Line: "ARM is silent for 60 s, and the primary crashes meanwhile", Profile: profile.Instant,
		Expect: Expect{Moves: one}, play: playAzureDown, check: checkAzureDown},
	{Name: "azure-throttled", Line: "a crash, and ARM answers 429 with Retry-After for 12 s", Profile: profile.Instant,
		Expect: Expect{Moves: one}, play: playAzureThrottled, check: checkThrottled},
	{Name: "azure-denied", Line: "a crash, and the role is missing for 30 s", Profile: profile.Instant,
		Expect: Expect{Moves: one}, play: playAzureDenied, check: checkDenied},
	{Name: "half-move", Line: "a crash, and the secondary is killed twice in the middle of its move", Profile: profile.Instant,
		Expect: Expect{Moves: one}, play: playHalfMove, check: checkHalfMove},
	{Name: "fip-missing", Line: "somebody takes the floating IP away by hand", Profile: profile.Instant,
		Expect: Expect{}, play: playFIPMissing, check: checkMendedOnce},
	{Name: "fip-wrong-nic", Line: "somebody moves the floating IP to the secondary by hand", Profile: profile.Instant,
		Expect: Expect{Moves: one}, play: playFIPWrongNIC, check: checkMendedOnce},
	{Name: "both-reboot", Line: "both VMs reboot at once and are away for 20 s", Profile: profile.Instant,
		Expect: Expect{Moves: Range{0, 2}}, play: playBothReboot, check: checkBothReboot},
	{Name: "failback", Line: "the primary crashes, comes back, and takes its role back", Profile: profile.Instant,
		Expect: Expect{Moves: one, Failbacks: one}, play: playFailback},
	{Name: "zone-pair", Line: "a crash, with the two in different availability zones", Profile: profile.Instant, Zones: true,
		Expect: Expect{Moves: one}, play: playCrash},
	{Name: "split-brain", Line: "two vSockets without HA settings are both Master, until they get them", Profile: profile.Instant, Alone: true,
		Expect: Expect{}, play: playSplitBrain, check: checkSplitBrain},
	{Name: "sessions", Line: "TCP sessions to the Internet, through a crash, a takeover and the way back", Profile: profile.Instant, Cloud: true,
		Expect: Expect{Moves: one, Failbacks: one}, play: playSessions, check: checkSessions},
	{Name: "tunnel-cut", Line: "the primary's tunnel is cut; its LAN and its WAN are fine", Profile: profile.Instant, Cloud: true,
		Expect: Expect{Moves: one, Failbacks: one}, play: playTunnelCut, check: checkUnfit},
	{Name: "pop-crash", Line: "the PoP's VM is gone for 10 s, and with it the witness", Profile: profile.Instant, Cloud: true,
		Expect: Expect{Moves: none, Failbacks: none}, play: playPoPCrash, check: checkDuel},
	{Name: "pop-restart", Line: "the PoP's program is started anew", Profile: profile.Instant, Cloud: true,
		Expect: Expect{Moves: atMostOne, Failbacks: atMostOne}, play: playPoPRestart, check: checkDuel},
	{Name: "pop-move", Line: "the PoP's VM is gone, and the site moves to the next; the first comes back", Profile: profile.Instant, Cloud: true, PoPs: 2,
		Expect: Expect{NoCopies: true}, play: playPoPMove, check: checkPoPMove},
	{Name: "pop-cut-from-one", Line: "the PoP can't be reached from the standby, then from the active", Profile: profile.Instant, Cloud: true, hold: quickHold,
		Expect: Expect{Moves: atMostOne, Failbacks: atMostOne}, play: playPoPCutFromOne, check: checkCuts},
	{Name: "one-way-cut", Line: "the primary's LAN, then its WAN, is cut in one direction, then the other", Profile: profile.Instant, Cloud: true, hold: quickHold,
		Expect: Expect{Moves: atMostOne, Failbacks: atMostOne}, play: playOneWayCut, check: checkCuts},
	{Name: "lan-dead-but-cloud-fine", Line: "the two can't hear each other but by the witness, then one's LAN dies", Profile: profile.Instant, Cloud: true,
		Expect: Expect{Moves: one, Failbacks: one}, play: playLANDead, check: checkLANDead},
	{Name: "witness-lies-late", Line: "the witness is heard 3 s late, by the active, then by who claims", Profile: profile.Instant, Cloud: true, hold: quickHold,
		Expect: Expect{Moves: one, Failbacks: one}, play: playWitnessLate, check: checkCuts},
	{Name: "manager-down", Line: "the manager is dead when the primary crashes, and back it has every event once", Profile: profile.Instant, Cloud: true, Managed: true,
		Expect: Expect{Moves: one, Failbacks: one}, play: playManagerDown, check: checkManagerDown},
	{Name: "managed", Line: "a site set up, changed and rebuilt by the manager alone, with failovers between", Profile: profile.Instant, Cloud: true, Managed: true, OneOnly: true,
		Expect: Expect{Moves: one, Failbacks: one}, play: playManaged, check: checkManaged},
	{Name: "azure-setup", Line: "two vSockets deployed and made a pair by releve azure, in two zones; failover and failback; another floating IP, and back", Profile: profile.Instant, Cloud: true, Managed: true, Zones: true,
		Expect: Expect{Moves: one, Failbacks: one}, setUp: setUp(true), play: playReaddressed, check: checkReaddressed},
	{Name: "azure-setup-set", Line: "the same in an availability set, of a stock image that installs the package; without another floating IP", Profile: profile.Instant, Cloud: true, Managed: true,
		Expect: Expect{Moves: one, Failbacks: one}, setUp: setUp(false), play: playSetUp, check: checkSetUp},
	{Name: "crash-points", Line: "kill -9 before each step of a takeover, handover and failback", Profile: profile.Instant,
		pointwise: true, play: playCrashPoints},
}

// Pointwise reports whether it is made of crash points: many small runs, each
// judged by itself.
func (s *Scenario) Pointwise() bool { return s.pointwise }

// Find looks a scenario up and says what there is if it isn't there.
func Find(name string) (*Scenario, error) {
	var names []string
	for i := range All {
		if All[i].Name == name {
			return &All[i], nil
		}
		names = append(names, All[i].Name)
	}
	return nil, fmt.Errorf("scenario %q is %w\nhint: one of %s", name, world.ErrUnknown, strings.Join(names, ", "))
}
