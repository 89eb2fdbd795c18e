package steer

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"releve.dev/releve/core/ha"
	"releve.dev/releve/core/slip"
)

// Answer takes what became of a request.
func (m *Machine) Answer(now time.Duration, response *Response) []Action {
	m.actions = m.actions[:0]
	m.file(now, response)
	m.decide(now)
	return m.actions
}

func (m *Machine) file(now time.Duration, response *Response) {
	for t := range m.res {
		r := &m.res[t]
		if i := slices.IndexFunc(r.reads, func(a asked) bool { return a.id == response.ID }); i >= 0 {
			r.reads = slices.Delete(r.reads, i, i+1)
			m.answerRead(now, Target(t), response)
			return
		}
		if r.write == response.ID {
			r.write = 0
			m.answerWrite(now, Target(t), response)
			return
		}
	}
	m.answerRoutes(now, response)
}

func (m *Machine) answerRead(now time.Duration, t Target, response *Response) {
	r := &m.res[t]
	if !response.OK() {
		m.readFailed(now, t, response)
		return
	}
	if response.SentAt < r.sentAt || response.SentAt < r.answered {
		return // overtaken by a later read, or sent before our own write was answered
	}
	if t == PeerVM {
		r.sentAt, r.nextGet = response.SentAt, now+vmPace
		m.tell(ha.PeerVM{Stopped: vmStopped(response.Body)})
		return
	}
	nic, err := m.parse(t, response.Body)
	if err != nil {
		response.Code, response.Message = BadAnswer, err.Error()
		m.readFailed(now, t, response)
		return
	}
	if r.stale(now, nic) {
		r.nextGet = now + pollMax
		return
	}
	m.took(now, t, nic, response)
}

// stale: the ETag that an accepted write of ours rested on never comes back, so
// such a read is older than that write and must not undo what is known of it.
// For a while that also holds for a read with an earlier term than we wrote;
// after that somebody has put it there.
func (r *resource) stale(now time.Duration, nic *NIC) bool {
	if slip.Is(slip.StaleBelieved) {
		return false
	}
	return slices.Contains(r.replaced[:], nic.ETag) || nic.Claim.Term < r.wrote && now < r.wroteAt+ha.StaleMax
}

// parse reads a NIC's body. Most reads show what the last one did.
func (m *Machine) parse(t Target, body []byte) (*NIC, error) {
	r := &m.res[t]
	if r.nic != nil && bytes.Equal(body, r.body) {
		return r.nic, nil
	}
	return ParseNIC(body, m.fips...)
}

// took files a NIC as it was read, and says what follows for the role.
func (m *Machine) took(now time.Duration, t Target, nic *NIC, response *Response) {
	r := &m.res[t]
	if nic.HasFIP() {
		m.saw(now, r, nic)
	}
	r.nic, r.body, r.sentAt, r.unread, r.dirty = nic, response.Body, response.SentAt, false, false
	m.foundOut(r)
	if r.pending && nic.Settled() {
		m.settled(now, t)
	}
	r.nextGet = now + m.pace(now, t)
	if t == m.registerTarget() {
		m.reach("")
		m.tell(ha.Register{SentAt: response.SentAt, Claim: nic.Claim, Settled: nic.Settled()})
	} else if m.goal.Mode == ha.Hold && nic.Claim.Term > m.goal.Claim.Term && nic.Settled() {
		m.tell(ha.Tag{Claim: nic.Claim})
	}
}

// foundOut: a read shows Azure at work on a write of ours whose answer was lost, so
// nothing more is written before that is over (ha-schedules.md 33).
func (m *Machine) foundOut(r *resource) {
	if r.unsure && !r.nic.Settled() && r.nic.ETag != r.base && r.nic.Claim.Term == r.writes {
		r.pending = true
	}
	r.unsure = r.unsure && !r.pending && !r.nic.Settled()
}

// saw tells the floating IPs' configurations if they are others. Nobody takes
// them off before that has been kept.
func (m *Machine) saw(now time.Duration, r *resource, nic *NIC) {
	if nic == r.nic {
		return
	}
	seen := m.carry(nil, nic)
	if other := m.other(r); m.goal.Mode == ha.Hold && other.nic != nil && other.sentAt >= m.progress.since {
		seen = m.carry(seen, other.nic) // somebody has put them on both
	}
	if m.keep(seen) {
		r.nextPut = max(r.nextPut, now+keepFirst)
	}
}

// keep has configurations outlive this boot, and reports whether they are others.
func (m *Machine) keep(seen []Floating) (others bool) {
	if len(seen) == 0 {
		return false
	}
	m.seen = seen
	config := remember(seen)
	if config == m.kept {
		return false
	}
	m.kept = config
	m.tell(ha.Seen{Config: config})
	return true
}

// carry adds what is on a NIC.
func (m *Machine) carry(seen []Floating, nic *NIC) []Floating {
	for _, f := range nic.Floating {
		if config := carried(f.Config); config != nil && find(seen, f.Addr) == nil {
			seen = append(seen, Floating{Addr: f.Addr, Config: config})
		}
	}
	return seen
}

// other is the other NIC.
func (m *Machine) other(r *resource) *resource {
	if r == &m.res[OwnNIC] {
		return &m.res[PeerNIC]
	}
	return &m.res[OwnNIC]
}

// settled: Azure has ended our write. What waited for it may go on; if it left
// things as they were, the next attempt waits a while.
func (m *Machine) settled(now time.Duration, t Target) {
	r := &m.res[t]
	r.pending = false
	m.checkRest(t)
	m.res[OwnNIC].nextPut = 0
	left := r.nic.Claim != m.goal.Claim || m.goal.Mode == ha.Hold && m.differs(r)
	if m.goal.Mode >= ha.Claim && left && r.nic.Claim.Term <= m.goal.Claim.Term {
		r.backoff = min(max(2*r.backoff, retryFirst), retryMax)
		r.nextPut = now + r.backoff
		m.note("arm undone", fmt.Sprintf("%s: Azure ended the update without applying it", t))
	}
}

// checkRest: after a write of ours nothing but ours may differ (B5).
func (m *Machine) checkRest(t Target) {
	r := &m.res[t]
	if r.before != nil && !r.nic.SameRest(r.before) {
		m.note("nic changed", fmt.Sprintf("%s: more than the floating IP and the claim differs since our write", t))
	}
	r.before = nil
}

// pace is how long until the next read of a resource just read.
func (m *Machine) pace(now time.Duration, t Target) time.Duration {
	r := &m.res[t]
	if r.pending || !r.nic.Settled() {
		return min(max((now-r.answered)/8, pollFirst), pollMax)
	}
	switch {
	case m.goal.Mode == ha.Watch, m.goal.Mode == ha.Prepare, m.goal.Mode == ha.Claim:
		return watchPace
	case m.goal.Mode == ha.Rest:
		return restPace
	case m.goal.Alone && t == m.registerTarget():
		return watchPace
	case m.progress.done && now-m.progress.doneAt > checkFor:
		return restPace
	}
	return checkPace
}

func (m *Machine) readFailed(now time.Duration, t Target, response *Response) {
	r := &m.res[t]
	pace := lostPace
	switch {
	case response.Status == 429:
		pace = m.throttled(now, response)
	case response.Status == 403:
		pace = watchPace
	}
	r.nextGet, r.unread = now+pace, true
	if t == PeerVM {
		r.nextGet = now + vmPace
		return
	}
	problem := fmt.Sprintf("reading the %s: %s", t, Explain(response))
	if t == m.registerTarget() {
		m.reach(problem)
	} else if r.refused != problem {
		r.refused = problem
		m.note("arm refused", problem)
	}
}

// throttled obeys Retry-After for every call, not only the one refused.
func (m *Machine) throttled(now time.Duration, response *Response) time.Duration {
	wait := response.RetryAfter
	if wait == 0 {
		wait = throttleRest
	}
	if slip.Is(slip.ThrottleIgnored) {
		wait = retryFirst
	}
	m.resting = max(m.resting, now+wait)
	m.note("arm throttled", fmt.Sprintf("nothing is asked for %s", wait.Round(time.Millisecond)))
	return wait
}

// reach tells when the third comes within reach, goes, or its problem changes.
func (m *Machine) reach(problem string) {
	if m.asked && problem == m.problem {
		return
	}
	if problem != "" {
		m.note("arm problem", problem)
	} else if m.asked {
		m.note("arm reached", "")
	}
	m.problem, m.asked = problem, true
	m.tell(ha.AzureReach{OK: problem == "", Problem: problem})
}

func (m *Machine) answerWrite(now time.Duration, t Target, response *Response) {
	r := &m.res[t]
	r.nextGet, r.answered = now, now
	if response.OK() {
		if response.ID == m.change.write {
			m.change.problem = ""
		}
		r.backoff, r.conflict, r.refused = 0, 0, ""
		m.heeded(r)
		r.wrote, r.wroteAt = r.writes, now
		r.replaced[r.replacing] = r.base
		r.replacing = (r.replacing + 1) % len(r.replaced)
		if nic, err := m.parse(t, response.Body); err == nil {
			m.took(now, t, nic, response)
		} else {
			r.dirty = true
		}
		r.pending, r.nextGet = true, now
		return
	}
	r.dirty, r.unsure = true, response.Status == 0
	wait, why := m.refusal(now, r, response)
	if response.ID == m.change.write {
		r.dirty = m.change.refused(now, wait, response)
		wait = 0
	} else {
		m.balk(r, response, why)
	}
	r.nextPut = now + wait
	if why != r.refused {
		m.note("arm refused", fmt.Sprintf("%s: %s", t, why))
		r.refused = why
	}
	if m.goal.Mode == ha.Claim && response.Status != 0 {
		m.progress.sent = false
		m.tell(ha.ClaimFailed{Why: why, Unsure: response.Status >= 500})
	}
}

// refusal decides how long to wait before the next decision on the resource:
// never a bare retry, always after a read.
func (m *Machine) refusal(now time.Duration, r *resource, response *Response) (time.Duration, string) {
	why := Explain(response)
	switch {
	case response.Status == 412: // somebody else has written: read, and try again
		if r.conflict++; r.conflict > conflicts {
			return busyRetry, why
		}
		return 0, why
	case busy(response):
		return busyRetry, why
	case response.Status == 429:
		m.throttled(now, response)
		return 0, why
	case response.Status == 0:
		return 0, why
	}
	if response.Status == 403 && m.goal.Mode == ha.Claim {
		m.reach(why)
	}
	r.backoff = min(max(2*r.backoff, retryFirst), retryMax)
	return r.backoff, why
}

// balk tells a holder that Azure refuses its write. Where Azure only bids it wait, or
// another's write has come first, the next one may be taken.
func (m *Machine) balk(r *resource, response *Response, why string) {
	later := response.Status == 0 || response.Status == 429 || busy(response) || response.Status == 412 && r.conflict <= conflicts
	if m.goal.Mode == ha.Hold && !later {
		r.balks = true
		m.tell(ha.Refused{Why: why})
	}
}

// heeded: Azure has taken a write, or nothing is left to write. Once it refuses
// neither NIC's, that is told too.
func (m *Machine) heeded(r *resource) {
	if r.balks {
		if r.balks = false; !m.other(r).balks {
			m.tell(ha.Refused{})
		}
	}
}

// busy: Azure hasn't finished another change that ours depends on.
func busy(response *Response) bool {
	switch response.Code {
	case "PrivateIPAddressIsAllocated", "PrivateIPAddressInUse", "PrivateIPAddressIsBeingCleanedUp",
		"RetryableError", "AnotherOperationInProgress", "ReferencedResourceNotProvisioned":
		return true
	}
	return response.Detail == "RetryableErrorDueToAnotherOperation" || response.Detail == "ReferencedResourceNotProvisioned"
}

// Explain says in words why a request failed, with action and scope where
// Azure names them (C4).
func Explain(response *Response) string {
	switch {
	case response.Action != "":
		return fmt.Sprintf("%s: the identity may not %s on %s", response.Code, response.Action, response.Scope)
	case response.Code == Unreachable:
		return "no answer from Azure Resource Manager: " + response.Message
	case response.Code == NoToken:
		return "no token for the managed identity: " + response.Message
	}
	return fmt.Sprintf("%d %s: %s", response.Status, response.Code, response.Message)
}
