package story

import (
	"fmt"
	"strings"

	"releve.dev/releve/lab/report"
	"releve.dev/releve/site"
)

// narrate turns an entry of the timeline into a short sentence; "" for what a
// watcher needn't know. The whole timeline is in the report.
func narrate(e site.Entry) (text string, paint ink) {
	who := strings.ToUpper(e.Who[:min(1, len(e.Who))]) + e.Who[min(1, len(e.Who)):]
	switch e.Who {
	case report.Lab:
		return narrateLab(e)
	case report.Azure:
		return narrateAzure(e)
	}
	switch e.What {
	case report.WhatSilent:
		return who + ": the peer is silent " + e.Detail, busy
	case report.WhatClaim:
		return who + " claims " + e.Detail, busy
	case report.WhatGranted:
		return who + " is granted " + e.Detail, good
	case report.WhatOpened:
		return who + " opens its gate: it forwards the site's traffic", good
	case report.WhatClosed:
		return who + " closes its gate", plain
	case report.WhatMoves:
		return who + " moves " + e.Detail, busy
	case report.WhatSteered:
		return who + " is done: " + e.Detail, good
	case report.WhatDownstream:
		if e.Detail == "" {
			return who + " sends the site's traffic nowhere", busy
		}
		return who + " sends the site's traffic to the " + e.Detail, note
	case "handover", "yielded", "asks for the role back", "not fit", "suspended", "deposed", "floating ip missing",
		"floating ip on the peer", "arm refused", "arm problem", "arm reached", "agent ended", "channel ended", "manager ended", "ha not ready":
		return strings.TrimSuffix(who+": "+e.What+", "+e.Detail, ", "), busy
	case "started":
		return who + "'s agent has started", plain
	case "stopping", "stopped", "fit", "mute", "standby":
		return who + ": " + e.What, plain
	}
	return "", plain
}

// acts are what the lab does, in words.
var acts = map[string]string{
	"crash":         "The %s's VM dies: links down, processes killed",
	"reboot":        "The %s's VM reboots",
	"stop":          "The %s's agent is told to stop",
	"kill":          "The %s's program is killed",
	"freeze":        "The %s's VM stands still",
	"wan-cut":       "The %s's WAN is cut",
	"lan-cut":       "The %s's LAN is cut",
	"mgmt-cut":      "The %s's MGMT is cut",
	"keepalive-cut": "The LAN drops keepalives from now on",
	"peer-cut":      "The two vSockets can't reach each other any more",
	"lan-cut-in":    "Nothing comes in by the %s's LAN any more",
	"lan-cut-out":   "Nothing goes out by the %s's LAN any more",
	"wan-cut-in":    "Nothing comes in by the %s's WAN any more",
	"wan-cut-out":   "Nothing goes out by the %s's WAN any more",
	"tunnel-cut":    "The %s's tunnel is cut",
	"pop-cut":       "The %s can't reach any PoP any more",
	"witness-late":  "What any PoP sends to the %s comes late",
	"restart":       "The %s's program is started anew",
	"silent":        "ARM goes silent",
	"throttled":     "ARM throttles",
	"denied":        "The vSockets lose their role in Azure",
	"fip-missing":   "Somebody takes the floating IP away by hand",
	"fip-wrong-nic": "Somebody moves the floating IP to the secondary by hand",
}

func narrateLab(e site.Entry) (string, ink) {
	node, kind, _ := strings.Cut(e.Detail, " ")
	switch e.What {
	case report.WhatFault:
		if text, ok := acts[kind]; ok {
			if strings.Contains(text, "%s") {
				text = fmt.Sprintf(text, node)
			}
			return text, bad
		}
		return "Fault: " + e.Detail, bad
	case report.WhatHeal:
		return "All faults end: what was gone comes back", note
	}
	return strings.ToUpper(e.What[:1]) + e.What[1:] + ": " + e.Detail, note
}

func narrateAzure(e site.Entry) (string, ink) {
	switch e.What {
	case report.WhatNowhere:
		return "Azure has taken the floating IP off its NIC", busy
	case report.WhatDelivered:
		return "Azure brings the floating IP's traffic to the " + e.Detail, note
	}
	return "", plain
}
