package agent

import (
	"encoding/json"
	"fmt"
	"time"

	"releve.dev/releve/core/fitness"
	"releve.dev/releve/core/ha"
	"releve.dev/releve/core/steer"
	"releve.dev/releve/site"
	"releve.dev/releve/wire/record"
	"releve.dev/releve/wire/witness"
)

// Recorder keeps a record's chunks. It never waits: ok is false if the chunk is
// lost. It may keep the chunk. A record can be replayed from the chunks that
// begin a part; what is before one may be thrown away.
type Recorder interface {
	Record(chunk []byte, begins bool) (ok bool)
}

// How a record is cut.
const (
	chunkPace  = time.Second            // what a killed agent loses at most
	chunkSoon  = 100 * time.Millisecond // and what it loses where something was said
	chunkFull  = 64 << 10
	partFull   = 8 << 20 // then a part begins, with a checkpoint
	checkEvery = 64      // inputs from one Check to the next
)

// tape writes a driver's record. A driver that isn't recorded has none: its
// methods may be called all the same.
type tape struct {
	watch
	to     Recorder
	driver *Driver
	head   record.Head // of the boot
	rows   record.Rows
	row    record.Row
	chunk  []byte
	number uint64 // of the chunk
	began  time.Duration
	begins bool   // the chunk begins a part
	part   int    // bytes in this part
	inputs uint64 // in this chunk
	lost   uint64 // inputs in chunks that were lost
	since  int    // inputs since the last Check
	said   bool   // something since then
	spoke  bool   // something was said in this chunk
	full   int    // bytes of a part

	brief map[uint64]func([]byte) []byte // what is kept of the answers to calls under way, where it isn't all
}

// newTape begins a boot's record, and puts itself between the driver and its
// ports.
func newTape(d *Driver, state []byte, nonce uint64) (*tape, error) {
	config, err := json.Marshal(d.cfg)
	if err != nil {
		return nil, fmt.Errorf("the record's head: %w", err)
	}
	t := &tape{watch: watch{ports: d.ports}, to: d.ports.Recorder, driver: d, full: partFull, brief: map[uint64]func([]byte) []byte{},
		head: record.Head{Boot: d.boot, Nonce: nonce, Release: site.Release.String(), Config: config, State: state, Layout: layout()}}
	t.noted, t.failed = t.note, t.failure
	d.ports = t.wrap()
	d.ports.Cloud = t
	t.begin(d.now)
	return t, nil
}

// begin begins a part. Behind a boot's first it is with a checkpoint.
func (t *tape) begin(now time.Duration) {
	head := t.head
	head.Wall, head.Lost = t.ports.Wall(), t.lost
	if t.number > 0 {
		head.Checkpoint = t.driver.freeze(t.sum)
	}
	t.put(&record.Row{Kind: record.HeadRow, At: now, Head: head})
	t.began, t.begins, t.part, t.lost = now, true, 0, 0
}

func (t *tape) put(row *record.Row) { t.chunk = t.rows.Append(t.chunk, row) }

// input writes the row of a call of the driver, before it is carried out.
func (t *tape) input(kind record.Kind, now time.Duration) {
	if t.said || t.since >= checkEvery {
		t.check()
	}
	age := now - t.began
	if age >= chunkPace || t.spoke && age >= chunkSoon || len(t.chunk) >= chunkFull {
		t.handOver(now)
	}
	t.calls = 0
	t.inputs++
	t.since++
	t.row.Kind, t.row.At = kind, now
	t.put(&t.row)
}

func (t *tape) check() {
	t.since, t.said = 0, false
	t.put(&record.Row{Kind: record.Check, Sum: t.short()})
}

// handOver gives the chunk to the recorder. After one that was lost, and in time
// after others, a part begins.
func (t *tape) handOver(now time.Duration) {
	t.part += len(t.chunk)
	ok := t.flush()
	t.began = now
	if !ok || t.part >= t.full {
		t.begin(now)
	}
}

func (t *tape) flush() (ok bool) {
	chunk := record.AppendChunk(make([]byte, 0, len(t.chunk)+record.ChunkHead), t.number, t.chunk)
	if ok = t.to.Record(chunk, t.begins); !ok {
		t.lost += t.inputs
	}
	t.number++
	t.chunk, t.begins, t.inputs = t.chunk[:0], false, 0
	t.spoke = false
	return ok
}

func (t *tape) note(entry site.Entry) {
	t.said, t.spoke = true, true
	t.put(&record.Row{Kind: record.Note, Wall: entry.Wall, What: entry.What, Detail: entry.Detail})
}

func (t *tape) failure(call uint64, err error) {
	t.put(&record.Row{Kind: record.Failure, N: call, Detail: err.Error()})
}

// The inputs.

func (t *tape) plain(kind record.Kind, now time.Duration) {
	if t != nil {
		t.input(kind, now)
	}
}

func (t *tape) tick(now, late time.Duration) {
	if t != nil {
		t.row.Late = late
		t.input(record.Tick, now)
	}
}

// datagram takes one that was believed, and keeps it without its signature.
func (t *tape) datagram(now time.Duration, datagram []byte) {
	if t != nil {
		t.row.Path, t.row.Datagram = t.driver.in.Path, datagram[:record.BodySize]
		t.input(record.Datagram, now)
	}
}

// reply is the same for what the witness says.
func (t *tape) reply(now time.Duration, datagram []byte) {
	if t != nil {
		t.row.Datagram = datagram[:witness.ReplySize]
		t.input(record.Reply, now)
	}
}

func (t *tape) metadata(now, sentAt time.Duration, mine bool) {
	if t != nil {
		t.row.SentAt, t.row.OK = sentAt, mine
		t.input(record.Metadata, now)
	}
}

// configure takes a change down whole: it is rare.
func (t *tape) configure(now time.Duration, cfg *ha.Config) {
	if t == nil {
		return
	}
	text, err := json.Marshal(cfg)
	if err != nil {
		panic("agent: settings can't be recorded: " + err.Error())
	}
	t.row.Detail = string(text)
	t.input(record.Settings, now)
}

func (t *tape) reading(now time.Duration, kind fitness.Kind, ok bool) {
	if t != nil {
		t.row.Probe, t.row.OK = uint8(kind), ok
		t.input(record.Reading, now)
	}
}

// Start is Cloud: it remembers which answers will be of a VM or a network.
func (t *tape) Start(request steer.Request) {
	switch request.Target {
	case steer.PeerVM:
		t.brief[request.ID] = steer.PowerOnly
	case steer.Network:
		t.brief[request.ID] = steer.NetworkOnly
	}
	t.watch.Start(request)
}

// response keeps of the body what the steering reads: a VM's settings, and who is
// in a network, are nobody's business.
func (t *tape) response(now time.Duration, r *steer.Response) {
	if t == nil {
		return
	}
	body := r.Body
	switch {
	case !r.OK():
		body = nil
	case t.brief[r.ID] != nil:
		body = t.brief[r.ID](body)
	}
	delete(t.brief, r.ID)
	t.row.Response = record.Response{ID: r.ID, SentAt: r.SentAt, Status: r.Status, Body: body, Code: r.Code, Detail: r.Detail,
		Message: r.Message, Action: r.Action, Scope: r.Scope, RetryAfter: r.RetryAfter}
	t.input(record.Answer, now)
}

// close hands over the last chunk.
func (t *tape) close() {
	if t != nil && len(t.chunk) > 0 {
		t.check()
		t.flush()
	}
}
