package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"releve.dev/releve/core/fitness"
	"releve.dev/releve/core/ha"
	"releve.dev/releve/core/steer"
	"releve.dev/releve/site"
	"releve.dev/releve/wire/record"
)

// Replayed is what came of a replay.
type Replayed struct {
	Parts     int // boots, and checkpoints from which a replay had to begin
	Inputs    int
	Notes     int
	Acts      int    // gates, addresses, state, calls to Azure
	Missing   int    // places where something of the record is missing
	Unread    int    // checkpoints of another program's, after which nothing could be replayed
	Different string // the first thing that was decided otherwise, "" if all is the same
	Panic     string // where the core has panicked, "" if it hasn't
}

// Replayer is the name under which a replay's own lines stand in a story.
const Replayer = "replay"

// Replay runs the core on a record, and tells what it says: the lines that the
// journal had, and the replay's own. It compares all that is done with what was
// done then.
func Replay(data []byte, tell func(site.Entry)) (Replayed, error) {
	if !record.Is(data) {
		return Replayed{}, errors.New("not a vSocket's record")
	}
	p := &player{reader: record.NewReader(data), tell: tell}
	for p.next() {
		p.take()
	}
	if p.done.Parts == 0 && p.done.Unread == 0 {
		return p.done, errors.New("the record has no whole part that could be replayed")
	}
	return p.done, nil
}

// player replays rows. Without a driver it waits for the next head.
type player struct {
	reader *record.Reader
	row    record.Row
	peeked bool
	tell   func(site.Entry)
	done   Replayed

	head   record.Head
	driver *Driver
	watch  *watch
	base   time.Duration // wall clock less the agent's
	now    time.Duration
	then   []record.Row // notes and failures of the present input, as recorded
	notes  []site.Entry // as decided now
}

func (p *player) next() bool {
	if p.peeked {
		p.peeked = false
		return true
	}
	return p.reader.Next(&p.row)
}

// take carries out one row. Notes and failures belong to an input, and were
// taken with it; they stand alone only where something is wrong.
func (p *player) take() {
	switch kind := p.row.Kind; {
	case kind == record.HeadRow:
		p.begin()
	case kind == record.Gap:
		p.done.Missing++
		p.driver = nil
		p.say("gap", "something of the record is missing here")
	case p.driver == nil:
	case kind == record.Check:
		if p.row.Sum != p.watch.short() {
			p.differ("what was done differs, in one of the last inputs before")
		}
	case kind.Input():
		p.input()
	default:
		p.differ(fmt.Sprintf("%q was said for no reason", p.row.What))
	}
}

// wall is what the journal's clock showed.
func (p *player) wall() time.Time { return time.Unix(0, int64(p.now+p.base)) }

func (p *player) say(what, detail string) {
	p.tell(site.Entry{Wall: p.wall(), At: p.now, Who: Replayer, What: what, Detail: detail})
}

// differ notes the first difference. What comes after it follows from it.
func (p *player) differ(how string) {
	if p.done.Different == "" {
		p.done.Different = fmt.Sprintf("at %s: %s", p.wall().UTC().Format("2006-01-02 15:04:05.000"), how)
		p.say("different", how)
	}
}

// begin takes a head.
func (p *player) begin() {
	head := p.row.Head
	p.now, p.base = p.row.At, time.Duration(head.Wall.UnixNano())-p.row.At
	if head.Lost > 0 {
		p.done.Missing++
		p.say("gap", fmt.Sprintf("%d inputs were not recorded: the disk was too slow", head.Lost))
	} else if head.Checkpoint != nil && p.driver != nil && head.Boot == p.head.Boot {
		p.goOn(&head)
		return
	}
	p.driver = nil
	if err := p.open(&head); err != nil {
		p.done.Unread++
		p.say("not replayed", err.Error())
		return
	}
	p.done.Parts++
	p.say("record of "+p.driver.cfg.HA.Side.String(), fmt.Sprintf("site %s, version %s, boot %s, %s", p.driver.cfg.Site, head.Release, head.Boot, from(&head)))
}

func from(head *record.Head) string {
	if head.Checkpoint == nil {
		return "from its start"
	}
	return "from a checkpoint"
}

// goOn compares the driver, who has been replayed up to here, with a checkpoint.
func (p *player) goOn(head *record.Head) {
	if head.Layout == layout() && !slices.Equal(p.driver.freeze(p.watch.sum), head.Checkpoint) {
		p.differ("the checkpoint shows another state of mind")
	}
}

// open makes a driver from a head.
func (p *player) open(head *record.Head) error {
	var cfg Config
	if err := json.Unmarshal(head.Config, &cfg); err != nil {
		return fmt.Errorf("the record's settings: %w", err)
	}
	if cfg.HA.Side != site.Primary && cfg.HA.Side != site.Secondary {
		return errors.New("the record's settings: no side")
	}
	p.watch = &watch{ports: Ports{Store: kept(head.State), MAC: record.MAC(), Sealed: record.MAC(), Wall: p.wall}}
	p.watch.noted = func(e site.Entry) { p.notes = append(p.notes, e) }
	p.watch.fails = p.failed
	driver, err := NewDriver(cfg, p.watch.wrap(), head.Boot, head.Nonce, p.now)
	if err != nil {
		return err
	}
	if head.Checkpoint != nil {
		if head.Layout != layout() {
			return fmt.Errorf("its checkpoint can be read only by the program that wrote it, version %s", head.Release)
		}
		if p.watch.sum, err = driver.thaw(head.Checkpoint); err != nil {
			return fmt.Errorf("its checkpoint: %w", err)
		}
	}
	p.driver, p.head = driver, *head
	return nil
}

// input gives the driver what it was given then, and compares.
func (p *player) input() {
	row := p.row
	row.Datagram = slices.Clone(row.Datagram)
	p.then, p.notes = p.then[:0], p.notes[:0]
	for p.reader.Next(&p.row) {
		if p.row.Kind != record.Note && p.row.Kind != record.Failure {
			p.peeked = true
			break
		}
		p.then = append(p.then, p.row)
	}
	p.now, p.watch.calls = row.At, 0
	acts := p.watch.acts
	p.carryOut(&row)
	p.done.Inputs++
	if p.driver == nil {
		return
	}
	p.done.Acts += int(p.watch.acts - acts)
	p.compare()
}

// carryOut outlives a panic of the core: it may be what the record was asked for.
func (p *player) carryOut(row *record.Row) {
	defer func() {
		if why := recover(); why != nil {
			p.driver = nil
			p.done.Panic = fmt.Sprintf("%v\n%s", why, debug.Stack())
			p.say("panic", fmt.Sprint(why))
		}
	}()
	d, now := p.driver, row.At
	switch row.Kind {
	case record.Start:
		d.Start(now)
	case record.Datagram:
		good := d.received.Good
		if d.Datagram(now, row.Path, record.Sign(nil, row.Datagram)); d.received.Good == good {
			p.differ("a keepalive was believed then, and isn't now")
		}
	case record.Reply:
		good := d.received.Good
		if d.Reply(now, record.Sign(nil, row.Datagram)); d.received.Good == good {
			p.differ("the witness was believed then, and isn't now")
		}
	case record.Tick:
		d.Tick(now, row.Late)
	case record.Answer:
		r := &row.Response
		d.Response(now, &steer.Response{ID: r.ID, SentAt: r.SentAt, Status: r.Status, Body: r.Body, Code: r.Code, Detail: r.Detail,
			Message: r.Message, Action: r.Action, Scope: r.Scope, RetryAfter: r.RetryAfter})
	case record.Metadata:
		d.MetadataRead(now, row.SentAt, row.OK, nil)
	case record.Reading:
		if fitness.Kind(row.Probe) > fitness.LAN {
			p.differ("a reading of a probe that isn't known")
			return
		}
		d.Reading(now, fitness.Kind(row.Probe), row.OK)
	case record.Settings:
		p.configure(now, row.Detail)
	case record.Floating:
		p.floating(now, row.Detail)
	case record.Stop:
		d.Stop(now)
	case record.Status:
		d.Status(now)
	}
}

func (p *player) configure(now time.Duration, text string) {
	var cfg ha.Config
	if err := json.Unmarshal([]byte(text), &cfg); err != nil || !p.driver.cfg.HA.Takes(&cfg) {
		p.differ("settings that the role machine doesn't take")
		return
	}
	p.driver.Configure(now, cfg)
}

// failed is what a port's call gave then.
func (p *player) failed(call uint64) error {
	for i := range p.then {
		if row := &p.then[i]; row.Kind == record.Failure && row.N == call {
			return errors.New(row.Detail)
		}
	}
	return nil
}

// compare tells what was said, and says where it wasn't said then.
func (p *player) compare() {
	then := slices.DeleteFunc(p.then, func(r record.Row) bool { return r.Kind != record.Note })
	p.done.Notes += len(p.notes)
	for i, now := range p.notes {
		switch {
		case i >= len(then):
			p.differ(fmt.Sprintf("now, and not then: %s", said(now.What, now.Detail)))
		case then[i].What != now.What || then[i].Detail != now.Detail:
			p.differ(fmt.Sprintf("then: %s; now: %s", said(then[i].What, then[i].Detail), said(now.What, now.Detail)))
		default:
			now.Wall = then[i].Wall
		}
		p.tell(now)
	}
	if len(then) > len(p.notes) {
		missing := then[len(p.notes)]
		p.differ(fmt.Sprintf("then, and not now: %s", said(missing.What, missing.Detail)))
	}
}

func said(what, detail string) string {
	if detail == "" {
		return what
	}
	return what + " (" + detail + ")"
}

// kept is the Store of a replay.
type kept []byte

// Load gives what was kept from the boot before.
func (k kept) Load() ([]byte, bool, error) { return k, k != nil, nil }

// Save isn't called: the watch answers.
func (kept) Save([]byte) error { return nil }
