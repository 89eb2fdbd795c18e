package sim

import (
	"fmt"
	"slices"
	"time"

	"releve.dev/releve/azure/emulator/store"
	"releve.dev/releve/azure/emulator/tree"
	"releve.dev/releve/site"
)

// kinds says how each kind begins and ends. end may be nil: it ends by itself.
var kinds map[Kind]*struct {
	begin, end func(w *World, f *Fault)
}

// effect is how a kind acts on one node.
type nodeEffect func(n *node, f *Fault)

func init() {
	kinds = map[Kind]*struct{ begin, end func(w *World, f *Fault) }{}
	add := func(kind Kind, begin, end func(w *World, f *Fault)) {
		kinds[kind] = &struct{ begin, end func(w *World, f *Fault) }{begin, end}
	}
	onNode := func(kind Kind, begin, end nodeEffect) {
		add(kind, each(begin), each(end))
	}
	for _, kind := range [...]Kind{Cut, Loss, Twice, Spike, Flip, Old} {
		add(kind, func(w *World, f *Fault) { w.net.faults = append(w.net.faults, f) },
			func(w *World, f *Fault) { w.net.faults = without(w.net.faults, f) })
	}
	onNode(Crash, func(n *node, f *Fault) { n.die(f.For) }, nil)
	onNode(KillAt, func(n *node, f *Fault) { n.killIn, n.restart = f.N, f.For }, nil)
	onNode(Reboot, func(n *node, f *Fault) { n.fall(f.For, false) }, nil)
	onNode(Wipe, func(n *node, f *Fault) { n.fall(f.For, true) }, nil)
	onNode(Off, func(n *node, f *Fault) {
		n.fall(f.For, false)
		n.w.azure.store.SetPower(vmID(n.side), store.PowerDeallocated)
	}, func(n *node, _ *Fault) { n.w.azure.store.SetPower(vmID(n.side), store.PowerRunning) })
	for _, kind := range [...]Kind{Pause, Freeze, Stall} {
		onNode(kind, func(n *node, f *Fault) { n.stand(kind, n.w.now+f.For) }, nil)
	}
	onNode(Late, func(n *node, f *Fault) { n.late = f.D }, func(n *node, _ *Fault) { n.late = 0 })
	onNode(Stop, func(n *node, f *Fault) { n.stop(f.For) }, nil)
	onNode(Disk, func(n *node, _ *Fault) { n.disk++ }, func(n *node, _ *Fault) { n.disk-- })
	onNode(WAN, func(n *node, _ *Fault) { n.lose(&n.wan) }, func(n *node, _ *Fault) { n.regain(&n.wan) })
	onNode(LAN, func(n *node, _ *Fault) { n.lose(&n.lan) }, func(n *node, _ *Fault) { n.regain(&n.lan) })
	onNode(Probes, func(n *node, f *Fault) {
		n.unanswered = f.N
		n.reprobe()
	}, func(n *node, _ *Fault) {
		n.unanswered = 0
		n.reprobe()
	})
	onNode(IMDS, func(n *node, _ *Fault) { n.imds++ }, func(n *node, _ *Fault) { n.imds-- })
	onNode(Token, func(n *node, _ *Fault) { n.token++ }, func(n *node, _ *Fault) { n.token-- })

	add(Stuck, func(w *World, f *Fault) { w.azure.faults = append(w.azure.faults, f) },
		func(w *World, f *Fault) { w.azure.faults = without(w.azure.faults, f) })
	for _, kind := range [...]Kind{Silent, Refuse, Throttle, Deny, Lost, Fail, Slow, Stale} {
		add(kind, func(w *World, f *Fault) { w.azure.inject(f) }, nil)
	}
	for _, kind := range [...]Kind{Tunnel, TunnelLoss, TunnelLate, TunnelOld} {
		add(kind, atPoP(func(p *pop, f *Fault) { p.faults = append(p.faults, f) }), atPoP(func(p *pop, f *Fault) { p.faults = without(p.faults, f) }))
	}
	mend := atPoP(func(p *pop, _ *Fault) { p.mend() })
	add(PoPDown, atPoP(func(p *pop, _ *Fault) { p.crash() }), mend)
	add(PoPBlank, atPoP(func(p *pop, _ *Fault) {
		p.crash()
		p.forget()
		p.w.witnessed.voided = p.w.witnessed.voided || p.w.has(Wipe) // nobody may know the last term then
	}), mend)
	add(PoPBehind, atPoP(func(p *pop, _ *Fault) {
		p.crash()
		p.restore()
		p.w.witnessed.voided = true
	}), mend)
	add(Move, func(w *World, f *Fault) { w.azure.byHand(f.Side.Peer(), f, w.azure.dropAddress) }, func(w *World, f *Fault) { w.azure.byHand(f.Side, f, w.azure.addAddress) })
	add(Remove, func(w *World, f *Fault) {
		w.azure.byHand(site.Primary, f, w.azure.dropAddress)
		w.azure.byHand(site.Secondary, f, w.azure.dropAddress)
	}, nil)
	add(Untag, func(w *World, f *Fault) {
		w.azure.byHand(f.Side, f, func(doc tree.Object) { delete(tree.Sub(doc, "tags"), site.ClaimTag) })
	}, nil)
	add(Edit, func(w *World, f *Fault) { w.azure.drafts[f] = w.azure.nics[f.Side].body },
		func(w *World, f *Fault) { w.azure.finishEdit(f) })
	add(Change, func(w *World, f *Fault) { w.give(f, f.on) }, func(w *World, f *Fault) { w.give(f, func(site.Side) bool { return true }) })
	onNode(Solo, func(n *node, _ *Fault) { n.pair() }, nil)
	add(Readdress, func(w *World, f *Fault) { w.changing.begin(f) }, func(w *World, f *Fault) { w.changing.end(f) })
	add(Apply, func(w *World, f *Fault) { w.azure.put(f.Side, []byte(originals[f.Side]), f) }, nil)
}

// atPoP: where ARM is the third there is no PoP to break.
func atPoP(do func(p *pop, f *Fault)) func(w *World, f *Fault) {
	return func(w *World, f *Fault) {
		for i, p := range w.pops {
			if f.PoP == 0 || f.PoP == i+1 {
				w.settleOutage()
				do(p, f)
			}
		}
	}
}

func each(do nodeEffect) func(w *World, f *Fault) {
	if do == nil {
		return nil
	}
	return func(w *World, f *Fault) {
		for _, n := range w.nodes[1:] {
			if f.on(n.side) {
				do(n, f)
			}
		}
	}
}

func without(list []*Fault, f *Fault) []*Fault {
	return slices.DeleteFunc(list, func(o *Fault) bool { return o == f })
}

func (w *World) beginFault(index int) {
	f := &w.sched.Faults[index]
	if w.heal {
		return
	}
	w.serving.edge()
	w.say("world", "begins: "+f.String())
	w.settleOutage()
	w.under[index] = true
	kinds[f.Kind].begin(w, f)
}

func (w *World) endFault(index int) {
	f := &w.sched.Faults[index]
	if !w.under[index] {
		return
	}
	w.serving.edge()
	w.under[index] = false
	w.settleOutage()
	if end := kinds[f.Kind].end; end != nil {
		w.say("world", "ends: "+f.String())
		end(w, f)
	}
}

// healAll ends every fault, and starts what doesn't run.
func (w *World) healAll() {
	w.say("world", "all faults are healed")
	w.settleOutage()
	for i := range w.sched.Faults {
		w.endFault(i)
	}
	w.heal = true
	w.azure.store.Clear(0)
	w.azure.permit()
	w.azure.store.SetProfile(healthy)
	for _, n := range w.nodes[1:] {
		n.killIn = 0
		if n.still != "" {
			n.until = w.now
			n.resume()
		}
		n.boot()
	}
}

// lose and regain break one of a node's ways and mend it.
func (n *node) lose(way *broken) {
	*way++
	n.reprobe()
}

func (n *node) regain(way *broken) {
	*way--
	n.reprobe()
}

// stop asks the agent to end; after says when it is back.
func (n *node) stop(after time.Duration) {
	if !n.running || n.still != "" {
		return
	}
	n.restart = after
	n.enter(func(now time.Duration) { n.driver.Stop(now) })
}

// inject gives ARM a fault.
func (a *azure) inject(f *Fault) {
	in := store.Fault{For: store.Span(f.For), Code: f.Code, Count: f.N}
	if f.Side != site.NoSide {
		in.Client = f.Side.String()
	}
	switch f.Kind {
	case Silent:
		in.Kind, in.Count, in.Code = store.FaultSilent, 0, ""
	case Refuse:
		in.Kind, in.Method = store.FaultError, "PUT"
	case Throttle:
		in.Kind, in.RetryAfter = store.FaultThrottle, store.Span(f.D)
	case Deny:
		in.Kind = store.FaultDeny
	case Lost:
		in.Kind = store.FaultLost
	case Fail:
		in.Kind = store.FaultFail
	case Slow:
		in.Kind, in.Latency = store.FaultLatency, store.Span(f.D)
	case Stale:
		in.Kind, in.Latency, in.Method = store.FaultStale, store.Span(f.D), "GET"
	}
	if _, err := a.store.Inject(a.w.now, in); err != nil {
		a.w.fail("harness", "%s: %v", f, err)
	}
}

// finishEdit writes what a person has read when the fault began, with something
// of theirs changed and no ETag, as tools do.
func (a *azure) finishEdit(f *Fault) {
	doc, err := tree.Parse(a.drafts[f])
	if err != nil {
		panic("sim: " + err.Error())
	}
	tags := tree.Sub(doc, "tags")
	if tags == nil {
		tags = tree.Object{}
		doc["tags"] = tags
	}
	tags["edited"] = f.At.String()
	a.put(f.Side, tree.Render(doc), f)
}

// byHand is a person's edit of a NIC: read now, written now, no ETag.
func (a *azure) byHand(side site.Side, f *Fault, edit func(doc tree.Object)) {
	doc, err := tree.Parse(a.nics[side].body)
	if err != nil {
		panic("sim: " + err.Error())
	}
	edit(doc)
	a.put(side, tree.Render(doc), f)
}

func (a *azure) put(side site.Side, body []byte, f *Fault) {
	answer := a.store.Handle(a.w.now, store.Request{Method: "PUT", Path: nicPaths[side], Body: body, Principal: store.Admin()})
	a.w.say("azure", fmt.Sprintf("PUT of the %s's NIC by a person (%s): %d %s", side, f.Kind, answer.Status, answer.Code))
	if answer.Status/100 == 2 {
		a.written(nil, side, nil)
	}
	a.delivery()
}

func (a *azure) dropAddress(doc tree.Object) {
	lifted := addresses[bool]{}
	properties := tree.Sub(doc, "properties")
	configs, _ := properties["ipConfigurations"].([]any)
	properties["ipConfigurations"] = slices.DeleteFunc(configs, func(config any) bool {
		c, _ := config.(tree.Object)
		i, ours := floatingIn(c)
		if ours {
			lifted[i] = true
		}
		return ours
	})
	if lifted != (addresses[bool]{}) {
		a.lifted = lifted
	}
}

// addAddress puts on what was taken off last.
func (a *azure) addAddress(doc tree.Object) {
	a.dropAddress(doc)
	lifted := a.lifted
	if lifted == (addresses[bool]{}) {
		lifted[0] = true
	}
	properties := tree.Sub(doc, "properties")
	configs, _ := properties["ipConfigurations"].([]any)
	for i, name := range [...]string{"by-hand", "by-hand-2"} {
		if lifted[i] {
			configs = append(configs, tree.Object{"name": name, "properties": tree.Object{
				"privateIPAddress": floatingIPs[i].String(), "privateIPAllocationMethod": "Static", "subnet": tree.Object{"id": subnetID}}})
		}
	}
	properties["ipConfigurations"] = configs
}
