package steer

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/core/ha"
	"releve.dev/releve/site"
)

// bench drives one machine by hand.
type bench struct {
	t     *testing.T
	m     *Machine
	now   time.Duration
	calls []Request // not answered yet
	told  []ha.Event
	notes []string
}

func newBench(t *testing.T, side site.Side) *bench {
	return knowing(t, side, string(carried([]byte(vip))))
}

// knowing is a machine that a former boot has left a floating IP's configuration.
func knowing(t *testing.T, side site.Side, config string) *bench {
	return &bench{t: t, now: time.Hour, m: New(Config{Side: side, FloatingIP: fip, ConfigName: "releve-fip", SubnetID: "/subnet", Known: config})}
}

// vip is the floating IP's configuration as its owner has set it up.
const vip = `{"name":"vip","note":"x","properties":{"privateIPAddress":"10.102.2.200","subnet":{"id":"/subnet"}}}`

func (b *bench) file(actions []Action) {
	for _, action := range actions {
		switch a := action.(type) {
		case Call:
			b.calls = append(b.calls, a.Request)
		case Tell:
			b.told = append(b.told, a.Event)
		case Note:
			b.notes = append(b.notes, a.What+": "+a.Detail)
		}
	}
}

func (b *bench) goal(mode ha.Mode, term site.Term) {
	claim := aClaim
	claim.Term = term
	b.file(b.m.SetGoal(b.now, ha.Goal{Mode: mode, Claim: claim}))
}

// pass lets time pass in the machine's own steps.
func (b *bench) pass(d time.Duration) {
	end := b.now + d
	for steps := 0; b.m.Next() <= end; steps++ {
		if steps > 10000 {
			b.t.Fatal("the machine asks for ticks without end")
		}
		b.now = max(b.now, b.m.Next())
		b.file(b.m.Tick(b.now))
	}
	b.now = end
}

// take removes the oldest call, which must be op on target.
func (b *bench) take(op Op, target Target) Request {
	b.t.Helper()
	if len(b.calls) == 0 {
		b.t.Fatalf("no call, want %s %s", op, target)
	}
	call := b.calls[0]
	if call.Op != op || call.Target != target {
		b.t.Fatalf("%s %s, want %s %s", call.Op, call.Target, op, target)
	}
	b.calls = b.calls[1:]
	return call
}

func (b *bench) answer(call Request, response Response) {
	response.ID, response.SentAt = call.ID, b.now
	b.file(b.m.Answer(b.now, &response))
}

func (b *bench) none() {
	b.t.Helper()
	if len(b.calls) > 0 {
		b.t.Fatalf("an unexpected %s of the %s", b.calls[0].Op, b.calls[0].Target)
	}
}

// body is a NIC as ARM shows it.
func body(etag int, term site.Term, hasFIP bool, state string) Response {
	claim := aClaim
	claim.Term = term
	if term < aClaim.Term {
		claim.Holder = site.Primary
	}
	configs := `{"name":"ipconfig1","properties":{"primary":true,"privateIPAddress":"10.102.2.10"}}`
	if hasFIP {
		configs += "," + vip
	}
	return Response{Status: 200, Body: fmt.Appendf(nil,
		`{"etag":"W/%d","tags":{"releve-claim":%q},"properties":{"provisioningState":%q,"ipConfigurations":[%s]}}`,
		etag, claim, state, configs)}
}

func (b *bench) has(event ha.Event) bool {
	for _, told := range b.told {
		if told == event {
			return true
		}
	}
	return false
}

// B5: what its owner has set on the floating IP's configuration is told, to be
// kept, before the address is taken off; whoever comes back in the middle of the
// move puts it on with that.
func TestTheFloatingIPsConfigurationOutlivesABoot(t *testing.T) {
	b := knowing(t, site.Secondary, "")
	b.goal(ha.Claim, 8)
	b.answer(b.take(Get, PeerNIC), body(1, 7, true, "Succeeded"))
	b.none()
	var config string
	for _, told := range b.told {
		if seen, ok := told.(ha.Seen); ok {
			config = seen.Config
		}
	}
	if config == "" {
		t.Fatalf("nothing told of the configuration: %v", b.told)
	}
	b.pass(time.Millisecond)
	b.take(Put, PeerNIC) // killed here

	for _, c := range []struct {
		name, known string
		kept        bool
	}{
		{"as it was", config, true},
		{"another address", strings.Replace(config, "10.102.2.200", "10.102.2.201", 1), false},
		{"another subnet", strings.Replace(config, "/subnet", "/new", 1), false},
		{"nothing", "", false},
	} {
		b := knowing(t, site.Secondary, c.known)
		b.goal(ha.Hold, 8)
		b.answer(b.take(Get, OwnNIC), body(1, 7, false, "Succeeded"))
		b.answer(b.take(Get, PeerNIC), body(2, 8, false, "Succeeded"))
		put := string(b.take(Put, OwnNIC).Body)
		if kept := strings.Contains(put, `"note":"x"`) && strings.Contains(put, `"vip"`); kept != c.kept {
			t.Errorf("%s: kept %v, want %v: %s", c.name, kept, c.kept, put)
		}
	}
}

// R11: one compare-and-swap, the floating IP left out in the same write, and
// won only when a later read shows it settled.
func TestClaimIsWonByAReadR11(t *testing.T) {
	b := newBench(t, site.Secondary)
	b.goal(ha.Claim, 7)
	b.answer(b.take(Get, PeerNIC), body(1, 6, true, "Succeeded"))
	put := b.take(Put, PeerNIC)
	if put.IfMatch != "W/1" || strings.Contains(string(put.Body), "10.102.2.200") || !strings.Contains(string(put.Body), "7/secondary") {
		t.Fatalf("If-Match %s, body %s", put.IfMatch, put.Body)
	}
	b.answer(put, body(2, 7, false, "Updating"))
	won := ha.Won{SentAt: b.now + pollFirst, Claim: aClaim}
	b.pass(pollFirst)
	b.answer(b.take(Get, PeerNIC), body(2, 7, false, "Updating"))
	if b.has(won) {
		t.Fatal("won while the operation is under way")
	}
	b.pass(900 * time.Millisecond)
	won.SentAt = b.now
	b.answer(b.take(Get, PeerNIC), body(2, 7, false, "Succeeded"))
	if !b.has(won) {
		t.Fatalf("not won: %v", b.told)
	}
	b.pass(time.Second)
	b.none()
}

// ha-schedules.md 24: a 412 is answered by a read, and a higher term in it ends
// all writing.
func TestNoWriteAfterAHigherTermIsRead(t *testing.T) {
	b := newBench(t, site.Primary)
	b.goal(ha.Hold, 7)
	b.answer(b.take(Get, OwnNIC), body(1, 7, false, "Succeeded"))
	b.answer(b.take(Get, PeerNIC), body(1, 7, true, "Succeeded"))
	b.answer(b.take(Put, PeerNIC), Response{Status: 412, Code: "PreconditionFailed"})
	b.answer(b.take(Get, PeerNIC), body(5, 8, true, "Succeeded"))
	b.pass(time.Minute)
	for _, call := range b.calls {
		if call.Op == Put {
			t.Fatalf("writes %s after a higher term was read", call.Why)
		}
	}
}

// Of two holders of one term the register decides where it is the third: nothing is
// written over the other one. Where a witness is the third, a tag decides nothing.
func TestNoWriteOverARivalWhereTheRegisterDecides(t *testing.T) {
	for _, third := range []bool{true, false} {
		b := newBench(t, site.Primary)
		goal := ha.Goal{Mode: ha.Hold, Claim: aClaim, Third: third}
		goal.Claim.Holder, goal.Claim.Boot = site.Primary, site.BootID{9}
		b.file(b.m.SetGoal(b.now, goal))
		b.answer(b.take(Get, OwnNIC), body(1, 7, true, "Succeeded"))
		b.answer(b.take(Get, PeerNIC), body(1, 7, false, "Succeeded")) // of a rival too, but no register
		b.pass(time.Second)
		puts := 0
		for _, call := range b.calls {
			if call.Op == Put {
				puts++
			}
		}
		if want := map[bool]int{true: 0, false: 2}[third]; puts != want || !b.has(ha.Register{SentAt: time.Hour, Claim: aClaim, Settled: true}) {
			t.Errorf("the register is the third: %v; %d writes, told %+v", third, puts, b.told)
		}
	}
}

// Who meets another's write each time (somebody's tool writes on and on) doesn't
// spend the subscription's calls on it.
func TestConflictsWithoutEndAreMetSlowly(t *testing.T) {
	b := newBench(t, site.Secondary)
	b.goal(ha.Claim, 7)
	for range conflicts + 1 {
		b.answer(b.take(Get, PeerNIC), body(1, 6, true, "Succeeded"))
		b.answer(b.take(Put, PeerNIC), Response{Status: 412, Code: "PreconditionFailed"})
	}
	b.answer(b.take(Get, PeerNIC), body(1, 6, true, "Succeeded"))
	b.none()
	b.pass(busyRetry)
	b.take(Put, PeerNIC)
}

// ha-schedules.md 33: a write whose answer was lost may be under way.
func TestNoWriteBesideALostOneThatRuns(t *testing.T) {
	b := newBench(t, site.Primary)
	b.goal(ha.Hold, 7)
	b.answer(b.take(Get, OwnNIC), body(1, 7, true, "Succeeded"))
	b.answer(b.take(Get, PeerNIC), body(1, 6, false, "Succeeded"))
	b.answer(b.take(Put, PeerNIC), Response{Code: Unreachable, Message: "time-out"})
	b.answer(b.take(Get, PeerNIC), body(2, 7, false, "Updating"))
	b.goal(ha.Hold, 9)
	b.pass(time.Second)
	for _, call := range b.calls {
		if call.Op == Put && call.Target == PeerNIC {
			t.Fatalf("writes %s while the last one runs", call.Why)
		}
	}
}

// B4: an unanswered write is never sent again without a read, and the read may
// show that it took effect after all.
func TestLostAnswerIsReadBack(t *testing.T) {
	b := newBench(t, site.Secondary)
	b.goal(ha.Claim, 7)
	b.answer(b.take(Get, PeerNIC), body(1, 6, true, "Succeeded"))
	b.answer(b.take(Put, PeerNIC), Response{Code: Unreachable, Message: "time-out"})
	b.answer(b.take(Get, PeerNIC), body(2, 7, false, "Succeeded"))
	if !b.has(ha.Won{SentAt: b.now, Claim: aClaim}) {
		t.Fatalf("not won: %v", b.told)
	}
	b.none()
}

// Retry-After holds every call back, not only the one refused.
func TestThrottleHoldsEverything(t *testing.T) {
	b := newBench(t, site.Primary)
	b.goal(ha.Hold, 7)
	first, second := b.take(Get, OwnNIC), b.take(Get, PeerNIC)
	b.answer(first, Response{Status: 429, Code: "TooManyRequests", RetryAfter: 7 * time.Second})
	b.answer(second, body(1, 7, true, "Succeeded"))
	b.pass(6900 * time.Millisecond)
	b.none()
	b.pass(200 * time.Millisecond)
	b.take(Get, OwnNIC)
}

// A silent ARM is asked again each second, a few questions at a time, for as
// long as it is silent.
func TestSilentARMIsAskedOnFreshConnections(t *testing.T) {
	b := newBench(t, site.Secondary)
	b.goal(ha.Claim, 7)
	b.pass(10 * time.Second)
	if len(b.calls) != hedges {
		t.Fatalf("%d questions under way, want %d", len(b.calls), hedges)
	}
	b.answer(b.calls[0], Response{Code: Unreachable, Message: "time-out"})
	if !b.has(ha.AzureReach{OK: false, Problem: "reading the peer NIC: no answer from Azure Resource Manager: time-out"}) {
		t.Fatalf("told %v", b.told)
	}
	b.pass(2 * time.Second)
	if len(b.calls) != hedges+1 {
		t.Fatalf("%d calls", len(b.calls))
	}
}

// Two NICs may not hold one address: the add is tried once the remove is taken
// and repeated until Azure takes it, each time after a read.
func TestAddWaitsForRemove(t *testing.T) {
	b := newBench(t, site.Secondary)
	b.goal(ha.Hold, 7)
	b.answer(b.take(Get, OwnNIC), body(1, 7, false, "Succeeded"))
	b.answer(b.take(Get, PeerNIC), body(1, 7, true, "Succeeded"))
	remove := b.take(Put, PeerNIC)
	b.none()
	b.answer(remove, body(2, 7, false, "Updating"))
	b.answer(b.take(Put, OwnNIC), Response{Status: 400, Code: "PrivateIPAddressIsAllocated"})
	reads := 0
	for range 20 {
		b.pass(100 * time.Millisecond)
		for len(b.calls) > 0 && b.calls[0].Op == Get {
			call := b.calls[0]
			b.calls = b.calls[1:]
			if call.Target == OwnNIC {
				reads++
				b.answer(call, body(1, 7, false, "Succeeded"))
			} else {
				b.answer(call, body(2, 7, false, "Updating"))
			}
		}
		if len(b.calls) > 0 {
			break
		}
	}
	b.take(Put, OwnNIC)
	if reads == 0 {
		t.Error("repeated without a read")
	}
}

// C4: what is missing is named.
func TestExplainNamesActionAndScope(t *testing.T) {
	got := Explain(&Response{Status: 403, Code: "LinkedAuthorizationFailed",
		Action: "Microsoft.Network/networkSecurityGroups/join/action", Scope: "/nsg"})
	if got != "LinkedAuthorizationFailed: the identity may not Microsoft.Network/networkSecurityGroups/join/action on /nsg" {
		t.Error(got)
	}
}

// A holder's write that Azure refuses is told, but not where it only bids it wait;
// and that it has taken the next one.
func TestRefusedWritesAreTold(t *testing.T) {
	b := newBench(t, site.Primary)
	b.goal(ha.Hold, 7)
	b.answer(b.take(Get, OwnNIC), body(1, 7, false, "Succeeded"))
	b.answer(b.take(Get, PeerNIC), body(1, 7, false, "Succeeded"))
	refused := func(status int, code string) (told bool) {
		b.told = nil
		b.answer(b.take(Put, OwnNIC), Response{Status: status, Code: code})
		for _, event := range b.told {
			_, is := event.(ha.Refused)
			told = told || is
		}
		b.answer(b.take(Get, OwnNIC), body(1, 7, false, "Succeeded"))
		b.pass(retryFirst)
		b.calls = b.calls[len(b.calls)-1:]
		return told
	}
	if refused(409, "AnotherOperationInProgress") || refused(400, "PrivateIPAddressIsAllocated") {
		t.Error("a write that has to wait was told as refused")
	}
	if !refused(500, "InternalServerError") {
		t.Error("a refused write wasn't told")
	}
	b.answer(b.take(Put, OwnNIC), Response{Status: 200})
	if !b.has(ha.Refused{}) {
		t.Error("that Azure has taken the next one wasn't told")
	}
}
