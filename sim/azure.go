package sim

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/azure/emulator/store"
	"releve.dev/releve/azure/emulator/tree"
	"releve.dev/releve/core/steer"
	"releve.dev/releve/site"
)

// azure is the emulator's store behind a network, and what is true in it.
type azure struct {
	w      *World
	store  *store.Store
	rand   *rand.Rand
	calls  []*call
	faults []*Fault // of ARM, on now
	nics   [3]nic   // by side: the control plane
	owner  site.Side
	at     addresses[site.Side] // where the data plane brings each of the floating IPs
	lifted addresses[bool]      // what a person has taken off a NIC last
	drafts map[*Fault][]byte    // what a person has read and not yet written
}

// call is one request on its way.
type call struct {
	request  *steer.Request
	sentAt   time.Duration // local
	response steer.Response
	done     bool
}

// nic is a LAN NIC as the control plane has it.
type nic struct {
	path  string
	body  []byte
	rest  string // all that isn't ours, canonical
	claim site.Claim
	fip   bool
	on    addresses[bool] // which of the floating IPs
}

func newAzure(w *World) *azure {
	c := &w.sched.Settings
	p, err := profile.Parse(c.Profile)
	if err != nil {
		panic("sim: " + err.Error())
	}
	a := &azure{w: w, rand: generator(w.sched.Seed, ofAzure), drafts: map[*Fault][]byte{}}
	a.store = store.New(store.Options{Seed: w.sched.Seed, Profile: p, Switches: store.Switches{
		BusyRefuses: c.BusyRefuses, SucceededAtOnce: c.SucceededAtOnce, EtagAtEnd: c.EtagAtEnd, CleanUp: c.CleanUp}})
	for _, each := range w.changing.resources() {
		if err := a.store.Place(0, each[0], each[1]); err != nil {
			panic("sim: " + err.Error())
		}
	}
	a.permit()
	for _, side := range [...]site.Side{site.Primary, site.Secondary} {
		a.nics[side].path = nicPaths[side]
		a.refresh(side)
	}
	return a
}

func principal(n *node) store.Principal {
	return store.Principal{ObjectID: identity, ClientID: identity, Name: "releve-identity", Client: n.side.String()}
}

// refresh reads what the control plane has.
func (a *azure) refresh(side site.Side) {
	answer := a.store.Handle(a.w.now, store.Request{Method: "GET", Path: a.nics[side].path, Principal: store.Admin()})
	a.take(side, answer.Body)
}

func (a *azure) take(side site.Side, body []byte) {
	n := &a.nics[side]
	if bytes.Equal(body, n.body) {
		return
	}
	doc, err := tree.Parse(body)
	if err != nil {
		panic("sim: " + err.Error())
	}
	n.body = body
	n.claim, _ = site.ParseClaim(tree.Text(doc, "tags", site.ClaimTag))
	n.rest, n.on = rest(doc)
	n.fip = n.on != addresses[bool]{}
}

// rest is a NIC without what Relève may change and what Azure writes itself; on
// says which of the floating IPs are there.
func rest(doc tree.Object) (canonical string, on addresses[bool]) {
	doc = tree.Clone(doc)
	derived := func(o tree.Object) {
		delete(o, "etag")
		if properties := tree.Sub(o, "properties"); properties != nil {
			delete(properties, "provisioningState")
		}
	}
	derived(doc)
	if tags := tree.Sub(doc, "tags"); tags != nil {
		delete(tags, site.ClaimTag)
		if len(tags) == 0 {
			delete(doc, "tags")
		}
	}
	properties := tree.Sub(doc, "properties")
	configs, _ := properties["ipConfigurations"].([]any)
	properties["ipConfigurations"] = slices.DeleteFunc(configs, func(config any) bool {
		c, _ := config.(tree.Object)
		derived(c)
		i, ours := floatingIn(c)
		if ours {
			on[i] = true
		}
		return ours
	})
	return string(tree.Render(doc)), on
}

// delivery looks where the data plane brings the floating IP.
func (a *azure) delivery() {
	a.look()
	a.w.readdressed.look()
	for _, n := range a.w.nodes[1:] {
		a.w.gates.look(n)
	}
	owner := a.w.changing.owner()
	if owner == a.owner {
		return
	}
	was := a.owner
	a.w.settleOutage()
	a.owner = owner
	a.w.mix(4, uint64(owner))
	a.w.say("azure", fmt.Sprintf("brings the floating IP to: %s", owner))
	for _, c := range a.w.checks {
		c.delivers(was, owner)
	}
}

// look follows each of the floating IPs.
func (a *azure) look() {
	for i, addr := range a.w.changing.addrs() {
		a.at[i] = site.NoSide
		for _, id := range a.store.Delivered(addr) {
			side := site.Secondary
			if strings.EqualFold(id, nicIDs[site.Primary]) {
				side = site.Primary
			}
			if a.at[i] != site.NoSide {
				a.w.fail("two deliveries", "Azure brings %s to both NICs", addr)
			}
			a.at[i] = side
		}
	}
}

// advance lets happen what is due inside Azure.
func (a *azure) advance() {
	a.store.Advance(a.w.now)
	a.delivery()
}

// start takes a request of an agent's.
func (a *azure) start(n *node, request *steer.Request) {
	w := a.w
	w.stats.Calls++
	a.calls = append(a.calls, &call{request: request, sentAt: n.local()})
	h := happening{node: uint8(n.side), life: n.life, index: len(a.calls) - 1}
	if n.token > 0 {
		a.calls[h.index].response = steer.Response{Code: steer.NoToken, Message: "no identity endpoint"}
		h.what, h.at = answers, w.now+time.Millisecond
		w.put(h)
		return
	}
	h.what, h.at = leaves, w.now+time.Duration(a.rand.Int64N(int64(time.Millisecond)))
	w.put(h)
	h.what, h.at = expires, w.now+request.Timeout
	w.put(h)
}

func (a *azure) happen(n *node, h happening) {
	c := a.calls[h.index]
	switch {
	case h.what == reaches:
		a.reach(n, h, c)
	case h.life != n.life || c.done || n.wait(h):
	case h.what == leaves:
		h.what, h.at = reaches, a.w.now+a.hop()
		for _, f := range a.faults {
			if f.Kind == Stuck && f.on(n.side) {
				h.at += time.Duration(a.rand.Int64N(int64(f.D) + 1))
			}
		}
		a.w.put(h)
	case h.what == expires:
		c.response = steer.Response{Code: steer.Unreachable, Message: "no answer in time"}
		a.answer(n, c)
	default:
		a.answer(n, c)
	}
}

// hop is one way to ARM.
func (a *azure) hop() time.Duration {
	return time.Millisecond + time.Duration(a.rand.Int64N(int64(5*time.Millisecond)))
}

func (a *azure) answer(n *node, c *call) {
	c.done = true
	response := c.response
	response.ID, response.SentAt = c.request.ID, c.sentAt
	a.w.mix(5, uint64(n.side), uint64(response.Status))
	a.w.manners.answered(n, &response)
	a.w.leases.answered(n, c.request, &response)
	a.w.answering.answered(n, c.request, &response)
	a.w.readdressed.answered(n, c.request, &response)
	n.enter(func(now time.Duration) { n.driver.Response(now, &response) })
	c.request.Body, c.response.Body = nil, nil
}

// target is the NIC that a request is for, or NoSide for the peer's VM.
func target(n *node, request *steer.Request) site.Side {
	switch request.Target {
	case steer.OwnNIC:
		return n.side
	case steer.PeerNIC:
		return n.side.Peer()
	}
	return site.NoSide
}

// reach: the request is at ARM, whether or not its sender still lives.
func (a *azure) reach(n *node, h happening, c *call) {
	request := store.Request{Method: "GET", Principal: principal(n)}
	side := target(n, c.request)
	switch {
	case side != site.NoSide:
		request.Path = nicPaths[side]
	case c.request.Target == steer.PeerVM:
		request.Path = vmPaths[n.side.Peer()]
	default:
		request.Path = c.request.Name + "?api-version=2024-05-01"
	}
	if c.request.Op == steer.Put {
		request.Method, request.Body, request.IfMatch = "PUT", c.request.Body, c.request.IfMatch
	}
	answer := a.store.Handle(a.w.now, request)
	a.w.mix(6, uint64(n.side), uint64(answer.Status))
	if request.Method == "PUT" {
		a.tellPut(n, side, c, &answer)
	}
	if c.request.Op == steer.Put && answer.Status/100 == 2 && !answer.Silent {
		if side == site.NoSide {
			a.w.changing.routed(n)
		} else {
			a.written(n, side, c.request)
		}
	}
	a.delivery()
	if answer.Silent {
		return
	}
	h.what, h.at = answers, a.w.now+answer.Delay+a.hop()
	c.response = translate(&answer)
	if answer.Lost {
		c.response = steer.Response{Code: steer.Unreachable, Message: "connection reset"}
	}
	a.w.put(h)
}

func (a *azure) tellPut(n *node, side site.Side, c *call, answer *store.Response) {
	if a.w.tell == nil {
		return
	}
	outcome := fmt.Sprintf("%d %s", answer.Status, answer.Code)
	switch {
	case answer.Silent:
		outcome = "no answer, no effect"
	case answer.Lost:
		outcome += ", the answer is lost"
	}
	what := side.String() + "'s NIC"
	if side == site.NoSide {
		what = c.request.Target.String()
	}
	a.w.say("azure", fmt.Sprintf("PUT of the %s by the %s (%s): %s", what, n.side, c.request.Why, outcome))
}

// written: a write was accepted. by is nil if it was a person's.
func (a *azure) written(by *node, side site.Side, request *steer.Request) {
	before := a.nics[side]
	a.refresh(side)
	after := &a.nics[side]
	a.w.mix(7, uint64(side), uint64(after.claim.Term))
	for _, c := range a.w.checks {
		c.writes(by, side, &before, after)
	}
}

// translate is what azure/arm makes of ARM's answer.
func translate(answer *store.Response) steer.Response {
	r := steer.Response{Status: answer.Status, Body: answer.Body}
	if r.OK() {
		return r
	}
	doc, err := tree.Parse(answer.Body)
	if err != nil {
		return steer.Response{Status: answer.Status, Code: steer.BadAnswer, Message: err.Error()}
	}
	r.Code, r.Message = tree.Text(doc, "error", "code"), tree.Text(doc, "error", "message")
	if details := tree.Objects(doc, "error", "details"); len(details) > 0 {
		r.Detail = tree.Text(details[0], "code")
	}
	if seconds, err := strconv.Atoi(answer.Get("Retry-After")); err == nil {
		r.RetryAfter = time.Duration(seconds) * time.Second
	}
	return r
}
