package ha

import (
	"fmt"
	"time"

	"releve.dev/releve/core/slip"
	"releve.dev/releve/site"
	"releve.dev/releve/wire/auth"
	"releve.dev/releve/wire/keepalive"
)

// peer is what is known of the other vSocket.
type peer struct {
	boot  site.BootID // accepted: it has echoed our nonce
	nonce uint64      // its nonce
	hello uint64      // nonce of a boot that hasn't echoed ours yet
	ever  bool        // accepted in this boot of ours
	since Time        // when its boot was accepted

	msg    keepalive.Message // its last message
	paths  [keepalive.Paths]path
	twoWay Time // when it was last known to hear us as well (deaf counts as silent)

	active    bool // heard as active in the present term
	suspect   bool
	silent    bool
	idleSince Time // since when it says that nobody is active
	vmStopped bool
}

type path struct {
	seq    uint64
	at     Time // of the last message
	ahead  Time // the most that the peer's clock was ahead of ours, when a message came, since turned
	before Time // and in the time before
	turned Time
	heard  bool
}

const (
	drift     = 1000            // two clocks gain on each other less than one part of so many
	turnAfter = 5 * time.Second // what is older than two of these is forgotten: the peer may have stood still
)

// hear files a message. It reports whether the peer's clock has run on without
// ours (R2). A message that was under way for long makes the peer's clock look
// late, never early: so only the most that it was ahead lately is compared. What
// has waited for a guest that stood still comes all at once, each message a little
// further ahead than the one before: the most grows no faster than our own clock.
func (l *path) hear(now Time, msg *keepalive.Message, pause Time) (jumped bool) {
	ahead, most := msg.Sent-now, max(l.ahead, l.before)
	jumped = l.heard && ahead > most+(now-l.at)/drift+pause
	if l.heard && !jumped {
		ahead = min(ahead, most+now-l.at)
	}
	switch {
	case !l.heard || jumped:
		l.ahead, l.before, l.turned = ahead, ahead, now
	case now >= l.turned+turnAfter:
		l.ahead, l.before, l.turned = ahead, l.ahead, now
	}
	l.seq, l.at, l.ahead, l.heard = msg.Seq, now, max(l.ahead, ahead), true
	return jumped
}

// heard is the only way in for what the peer says.
func (m *Machine) heard(now Time, msg *keepalive.Message) {
	if msg.From != m.cfg.Side.Peer() || msg.Third != m.cfg.Third || msg.Path >= keepalive.Paths {
		return
	}
	if !m.accept(now, msg) {
		return
	}
	p := &m.peer
	line := &p.paths[msg.Path]
	if line.hear(now, msg, m.cfg.pause()) && !slip.Is(slip.JumpUnseen) {
		m.paused(now, "the peer's clock ran on without ours")
	}
	first := msg.Seq > p.msg.Seq || p.msg.Boot != msg.Boot || slip.Is(slip.ReplayAccepted)
	if first {
		m.hearReach(msg)
		m.hearHolds(now, msg)
		p.msg = *msg
	}
	m.hearEcho(now, msg)
	switch {
	case !m.ownClaim(msg.Granted):
		m.learn(now, msg.Granted, thePeer)
	case m.role == site.Standby: // and no claim of its own is under way
		m.elected(now, msg.Granted)
	}
	if !first || msg.Granted.Term != m.state.Granted.Term {
		return
	}
	if msg.Role == site.Active {
		p.active = true
		m.soloEnds(now, msg.Granted)
	}
	m.hearAnswer(now, msg.Answer)
	m.hearHandover(now, msg)
	m.hearAsk(now, msg)
}

// accept is the anti-replay rule: a new boot only in a packet that echoes our
// present nonce, and of the accepted boot only what is newer on its path. The nonce
// is another one from then on, or what a replaced boot has sent would bring it back.
func (m *Machine) accept(now Time, msg *keepalive.Message) bool {
	p := &m.peer
	if p.ever && msg.Boot == p.boot {
		return msg.Seq > p.paths[msg.Path].seq || slip.Is(slip.ReplayAccepted)
	}
	if slip.Is(slip.ReplayAccepted) && p.ever {
		return true
	}
	if msg.EchoNonce != m.nonce && msg.HelloNonce != m.nonce {
		p.hello = msg.Nonce
		return false
	}
	m.nonce = auth.NextNonce(m.nonce)
	*p = peer{boot: msg.Boot, nonce: msg.Nonce, ever: true, since: now, twoWay: p.twoWay, suspect: p.suspect, silent: p.silent}
	m.note("peer boot", fmt.Sprintf("%s, version %s", msg.Boot, msg.Version))
	return true
}

// Fresh reports whether a message would be taken at all; the driver counts the
// others as replayed.
func (m *Machine) Fresh(msg *keepalive.Message) bool {
	p := &m.peer
	if p.ever && msg.Boot == p.boot {
		return msg.Path < keepalive.Paths && (msg.Seq > p.paths[msg.Path].seq || slip.Is(slip.ReplayAccepted))
	}
	return true
}

// hearEcho takes the peer's word on what it hears of us.
func (m *Machine) hearEcho(now Time, msg *keepalive.Message) {
	if m.echoAge(msg) < m.echoLimit() || slip.Is(slip.EchoIgnored) {
		m.peer.twoWay = now
		m.undeposed()
	}
}

// undeposed: the peer is heard again, so its next silence will be a fresh one
// (ha-schedules.md 26).
func (m *Machine) undeposed() {
	if m.state.Deposed {
		m.state.Deposed, m.claim.wait = false, deposedWait
		m.do(Save{m.state})
	}
}

// echoAge is how old the youngest of our messages is that the peer has heard.
func (m *Machine) echoAge(msg *keepalive.Message) Time {
	age := never
	for _, echo := range msg.Echo {
		if echo.Seq > 0 && echo.Boot == m.boot {
			age = min(age, echo.Age)
		}
	}
	return age
}

// watchPeer draws the verdicts on silence.
func (m *Machine) watchPeer(now Time) {
	p := &m.peer
	quiet := now - p.twoWay
	if p.twoWay == 0 {
		quiet = now - m.started
	}
	switch {
	case quiet < m.cfg.suspect():
		if p.silent {
			m.note("peer heard", "again, after a silence")
		}
		p.suspect, p.silent = false, false
		return
	case !p.suspect && now >= m.sureAt:
		p.suspect = true
		if p.twoWay != 0 {
			m.note("peer suspect", fmt.Sprintf("nothing heard for %d ms", quiet.Milliseconds()))
		}
	}
	if quiet >= m.cfg.Silent && !p.silent && now >= m.sureAt {
		p.silent = true
		p.idleSince = 0
		m.note("peer silent", m.silence(now))
	}
}

func (m *Machine) silence(now Time) string {
	p := &m.peer
	if p.twoWay == 0 {
		return "never heard since the start"
	}
	for _, line := range p.paths {
		if line.heard && now-line.at < m.cfg.Silent {
			return fmt.Sprintf("deaf: it is heard, but has not heard us for %d ms", (now - p.twoWay).Milliseconds())
		}
	}
	return fmt.Sprintf("on every path, last heard %d ms ago", (now - p.twoWay).Milliseconds())
}

// gone: silent or deaf on all paths. here: the opposite, two-way contact.
func (p *peer) gone(now Time) bool { return p.silent }

// heardAt is when its last message came, on whatever path.
func (p *peer) heardAt() Time {
	at := Time(0)
	for i := range p.paths {
		if l := &p.paths[i]; l.heard {
			at = max(at, l.at)
		}
	}
	return at
}

func (p *peer) here() bool { return p.ever && !p.silent && p.twoWay != 0 }

// quietFrom lets a silence that isn't established yet count from now on only.
func (p *peer) quietFrom(now Time) {
	if p.silent {
		return
	}
	if p.twoWay != 0 {
		p.twoWay = now
	}
	for i := range p.paths {
		p.paths[i].at = now
	}
	p.suspect = false
}

func (p *peer) newTerm() {
	p.active = p.ever && p.msg.Role == site.Active
	p.idleSince = 0
}

// verdictAt is when the next verdict on the peer may be due.
func (m *Machine) verdictAt() Time {
	p := &m.peer
	from := p.twoWay
	if from == 0 {
		from = m.started
	}
	var at Time
	switch {
	case !p.suspect:
		at = from + m.cfg.suspect()
	case !p.silent:
		at = from + m.cfg.Silent
	default:
		at = from + m.cfg.Silent + m.cfg.Confirm
	}
	return max(at, m.sureAt)
}
