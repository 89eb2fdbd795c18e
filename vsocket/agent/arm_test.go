package agent

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"releve.dev/releve/core/steer"
	"releve.dev/releve/site"
)

var fip = netip.MustParseAddr("10.102.2.200")

// miniARM is as much of ARM as the drivers' schedules need: two NICs, ETags,
// slow operations, silence, refusals. The contract with real clients is the
// emulator's matter.
type miniARM struct {
	w       *world
	nics    [3]*nic // by side
	writes  int
	moves   int
	movedAt time.Duration
	took    time.Duration // of an operation
	silent  bool
	denied  bool
	before  func(n *node, request steer.Request) (answered bool) // a test's own trick
}

type nic struct {
	side  site.Side
	etag  int
	body  map[string]any
	until time.Duration // Updating
}

func newMiniARM(w *world) *miniARM {
	a := &miniARM{w: w, took: 10 * time.Millisecond}
	for _, side := range [...]site.Side{site.Primary, site.Secondary} {
		a.nics[side] = &nic{side: side, etag: 1, body: map[string]any{
			"name": side.String(), "location": "test",
			"properties": map[string]any{
				"ipConfigurations": []any{map[string]any{"name": "ipconfig1",
					"properties": map[string]any{"primary": true, "privateIPAddress": "10.102.2.1" + side.String()[:1]}}},
				"future": map[string]any{"kept": 1},
			}}}
	}
	a.put(site.Primary)
	return a
}

// put gives the floating IP to a NIC by hand, and takes it from the other.
func (a *miniARM) put(side site.Side) {
	for _, n := range a.nics[1:] {
		props := n.body["properties"].(map[string]any)
		configs := props["ipConfigurations"].([]any)[:1]
		if n.side == side {
			configs = append(configs, map[string]any{"name": "releve-fip", "properties": map[string]any{"privateIPAddress": fip.String()}})
		}
		props["ipConfigurations"] = configs
		n.etag++
	}
	a.movedAt = a.w.now
}

// configs are the IP configurations of a NIC.
func (a *miniARM) configs(side site.Side) []any {
	return a.nics[side].body["properties"].(map[string]any)["ipConfigurations"].([]any)
}

// owner is the side whose NIC has the floating IP.
func (a *miniARM) owner() site.Side {
	for _, n := range a.nics[1:] {
		if len(a.configs(n.side)) > 1 {
			return n.side
		}
	}
	return site.NoSide
}

func (n *nic) encode(now time.Duration) []byte {
	n.body["etag"] = fmt.Sprintf("W/%d", n.etag)
	state := "Succeeded"
	if now < n.until {
		state = "Updating"
	}
	n.body["properties"].(map[string]any)["provisioningState"] = state
	b, err := json.Marshal(n.body)
	if err != nil {
		panic(err)
	}
	return b
}

func (a *miniARM) call(from *node, request steer.Request, done func(steer.Response)) {
	const hop = 5 * time.Millisecond
	if a.silent {
		from.later(request.Timeout, func() { done(steer.Response{Code: steer.Unreachable, Message: "timed out"}) })
		return
	}
	a.w.at(a.w.now+hop, func() {
		if a.before != nil && a.before(from, request) {
			return
		}
		response := a.answer(from, request)
		from.later(hop, func() { done(response) })
	})
}

func (a *miniARM) answer(from *node, request steer.Request) steer.Response {
	side := from.side
	if request.Target == steer.PeerNIC {
		side = side.Peer()
	}
	n := a.nics[side]
	if a.denied {
		return steer.Response{Status: 403, Code: "AuthorizationFailed", Action: "Microsoft.Network/networkInterfaces/read", Scope: "/nic"}
	}
	if request.Op == steer.Get {
		return steer.Response{Status: 200, Body: n.encode(a.w.now)}
	}
	a.writes++
	a.w.log("azure", "PUT", fmt.Sprintf("%s's NIC by %s: %s", side, from.side, request.Why))
	if request.IfMatch != fmt.Sprintf("W/%d", n.etag) {
		return steer.Response{Status: 412, Code: "PreconditionFailed"}
	}
	return a.replace(n, request.Body)
}

func (a *miniARM) replace(n *nic, body []byte) steer.Response {
	var next map[string]any
	if err := json.Unmarshal(body, &next); err != nil {
		panic(err)
	}
	configs := next["properties"].(map[string]any)["ipConfigurations"].([]any)
	other := a.nics[n.side.Peer()]
	if len(configs) > 1 && (a.owner() == other.side || (a.owner() == site.NoSide && a.w.now < other.until)) {
		return steer.Response{Status: 400, Code: "PrivateIPAddressIsAllocated"}
	}
	had := a.owner()
	n.body, n.until = next, a.w.now+a.took
	n.etag++
	if owner := a.owner(); owner != had && owner != site.NoSide {
		a.moves++
		a.movedAt = a.w.now
	}
	return steer.Response{Status: 200, Body: n.encode(a.w.now)}
}
