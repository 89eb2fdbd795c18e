package story

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/lab/term"
	"releve.dev/releve/lab/world"
	"releve.dev/releve/site"
)

// The picture's measures: vm1 on the left, the two vSockets one above the
// other, the Internet on the right.
const (
	pictureWidth  = 78
	pictureHeight = 12
	vmX           = 1
	vmWidth       = 15
	socketX       = 24
	socketWidth   = 31
	netX          = 62
	netWidth      = 16
	bendIn        = 19 // column of the way's bend before the vSockets
	bendOut       = 57 // and behind them
	lowerY        = 7  // of the secondary's box
)

// Picture draws the site as it is now: who is what, and which way traffic goes.
func Picture(s term.Style, look *world.Status) []string {
	c := newCanvas(pictureWidth, pictureHeight)
	c.box(vmX, 4, vmWidth, 4, plain)
	c.put(vmX+2, 5, bold, "vm1")
	c.put(vmX+2, 6, dim, azuresite.VM1Addr.String())
	drawNet(c, look)
	drawWay(c, look, world.Primary, 2, 5)
	drawWay(c, look, world.Secondary, lowerY+2, 6)
	drawSocket(c, look, site.Primary, 0)
	drawSocket(c, look, site.Secondary, lowerY)
	drawKeepalive(c, look)
	return c.lines(s)
}

// drawNet draws what is behind the vSockets: the Internet, or the PoP and the
// Internet behind it.
func drawNet(c *canvas, look *world.Status) {
	c.box(netX, 4, netWidth, 4, plain)
	if look.PoP == nil {
		c.put(netX+2, 5, bold, "internet")
		c.put(netX+2, 6, dim, azuresite.InternetAddr.String())
		return
	}
	c.put(netX+2, 5, bold, look.PoP.Name)
	if slices.Contains(look.Faults, look.PoP.Name+" crash") {
		c.put(netX+2, 6, bad, "✗ gone")
	} else if side := look.PoP.Downstream; side != "" {
		c.put(netX+2, 6, note, "◀ "+term.Cut(side, netWidth-6))
	}
	c.put(netX+netWidth/2, 8, dim, "│")
	c.box(netX, 9, netWidth, 3, plain)
	c.put(netX+2, 10, bold, "internet")
}

// drawSocket draws a vSocket's box: its role, and whether it has the floating IP.
func drawSocket(c *canvas, look *world.Status, side site.Side, y int) {
	role, paint := roleOf(look, side.String())
	frame := dim
	if paint == good || paint == bad {
		frame = paint
	}
	c.box(socketX, y, socketWidth, 5, frame)
	c.put(socketX+2, y+1, bold, side.String())
	addr := azuresite.Addr(side, azuresite.LAN).String()
	c.put(socketX+socketWidth-2-len(addr), y+1, dim, addr)
	c.put(socketX+2, y+2, paint, term.Cut(role, socketWidth-4))
	if look.FIP == side.String() {
		c.put(socketX+2, y+3, note, "◆ floating IP")
		c.put(socketX+socketWidth-2-len(look.Address), y+3, note, look.Address)
	}
}

// roleOf says in a few words what a vSocket is.
func roleOf(look *world.Status, node string) (string, ink) {
	for _, f := range []struct{ kind, text string }{{"crash", "✗ gone: the VM has crashed"}, {"reboot", "✗ gone: the VM reboots"}, {"freeze", "✗ the VM stands still"}} {
		if slices.Contains(look.Faults, node+" "+f.kind) {
			return f.text, bad
		}
	}
	status := look.VSockets[node]
	switch {
	case status == nil:
		return "✗ the agent doesn't answer", bad
	case status.Master && !status.HA.Configured:
		return "● Master by itself: no HA", busy
	case status.Master:
		return fmt.Sprintf("● active, term %d", status.Term), good
	case status.Role == site.Active:
		return "● active, waits for Azure", busy
	case status.Role == site.Claiming:
		return fmt.Sprintf("◐ claims term %d", status.Term+1), busy
	case !status.Fit && status.Reason != "":
		return "○ " + status.Role.String() + ", not fit: " + status.Reason, busy
	}
	return "○ " + status.Role.String(), plain
}

// drawWay draws the traffic's way through one vSocket: entry row at its box,
// start row at vm1. Azure decides which of them it is.
func drawWay(c *canvas, look *world.Status, node string, y, from int) {
	taken := look.FIP == node
	paint, flat, up, head := dim, "┄", "┆", " "
	if taken {
		paint, flat, up, head = good, "─", "│", "▶"
		if !look.Flowing {
			paint, head = bad, "✗"
		}
	}
	inTurn, inEnd, outTurn, outEnd := "╯", "╭", "╮", "╰"
	if y > from {
		inTurn, inEnd, outTurn, outEnd = "╮", "╰", "╯", "╭"
	}
	if taken {
		c.put(vmX+vmWidth, from, paint, strings.Repeat(flat, bendIn-vmX-vmWidth)+inTurn)
		c.put(bendOut, from, paint, outEnd+strings.Repeat(flat, netX-bendOut-2)+head)
	}
	for row := min(y, from) + 1; row < max(y, from); row++ {
		c.put(bendIn, row, paint, up)
		c.put(bendOut, row, paint, up)
	}
	c.put(bendIn, y, paint, inEnd+strings.Repeat(flat, socketX-bendIn-2)+head)
	c.put(socketX+socketWidth, y, paint, strings.Repeat(flat, bendOut-socketX-socketWidth)+outTurn)
}

// drawKeepalive says whether the two hear each other on the LAN.
func drawKeepalive(c *canvas, look *world.Status) {
	text, paint := "↕ keepalives", dim
	if !hears(look) {
		text, paint = "✗ no keepalives", bad
	}
	c.put(socketX+(socketWidth-len([]rune(text)))/2, 5, paint, text)
}

// hears reports whether both hear each other on the LAN: the Keepalive
// indicator (F1).
func hears(look *world.Status) bool {
	for _, status := range look.VSockets {
		if status == nil {
			return false
		}
		for _, i := range status.HA.Indicators {
			if i.Name == "Keepalive" && !i.OK {
				return false
			}
		}
	}
	return true
}

// WriteStatus writes the picture and what the two say of themselves.
func WriteStatus(w io.Writer, s term.Style, look *world.Status) error {
	for _, line := range Picture(s, look) {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	fmt.Fprintln(w)
	for _, node := range []string{world.Primary, world.Secondary} {
		text := "doesn't answer"
		if status := look.VSockets[node]; status != nil {
			text = status.Summary
			if status.Azure.Problem != "" {
				text += " Azure: " + status.Azure.Problem
			}
		}
		fmt.Fprintf(w, "%s  %s\n", s.Bold(term.Pad(node, 9)), text)
	}
	flowing := s.Good("passes both ways")
	if !look.Flowing {
		flowing = s.Bad("doesn't pass")
	}
	_, err := fmt.Fprintf(w, "%s  %s\n%s  profile %s\n", s.Bold("traffic  "), flowing, s.Bold("azure    "), look.Profile)
	if look.PoP != nil {
		_, err = fmt.Fprintf(w, "%s  sends the site's traffic to the tunnel of: %s\n", s.Bold(term.Pad(look.PoP.Name, 9)), cmp.Or(look.PoP.Downstream, "nobody"))
	}
	for _, f := range look.Faults {
		_, err = fmt.Fprintf(w, "%s  %s\n", s.Bold("fault    "), s.Bad(f))
	}
	return err
}
