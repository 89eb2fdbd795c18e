package agent

import (
	"time"

	"releve.dev/releve/core/steer"
	"releve.dev/releve/site"
	"releve.dev/releve/wire/keepalive"
	"releve.dev/releve/wire/witness"
)

// watch stands between a driver and its ports, and keeps a sum of all that is
// done: a record and its replay have the same one, or something was decided
// otherwise. At a replay there are no ports behind it.
type watch struct {
	ports  Ports
	sum    uint64
	acts   uint64 // all calls but keepalives
	calls  uint64 // in this input
	noted  func(site.Entry)
	failed func(call uint64, err error)
	fails  func(call uint64) error // at a replay: what a call gave then
}

// wrap gives a driver the watch for its ports.
func (w *watch) wrap() Ports {
	p := w.ports
	p.Links, p.Witness, p.Gate, p.Guest, p.Cloud, p.Metadata, p.Store, p.Journal = w, w, w, w, w, watchedMetadata{w}, w, w
	return p
}

// What is summed.
const (
	didSend = iota + 1
	didServe
	didDrain
	didDown
	didGuest
	didCall
	didLook
	didSave
	didNote
	didAsk
	didUse
	didRetry
	didAddresses
)

func (w *watch) mix(value uint64) {
	w.sum = (w.sum ^ value) * 0x9e3779b97f4a7c15
	w.sum ^= w.sum >> 29
}

// short is what a Check has of the sum.
func (w *watch) short() uint64 { return w.sum & 0xffffffff }

func (w *watch) mixBytes(b []byte) {
	w.mix(uint64(len(b)))
	for ; len(b) >= 8; b = b[8:] {
		w.mix(uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
			uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56)
	}
	for _, one := range b {
		w.mix(uint64(one))
	}
}

func (w *watch) mixText(text string) { w.mixBytes([]byte(text)) }

// act sums a call that can fail, and makes it.
func (w *watch) act(what, value uint64, call func() error) error {
	w.mix(what)
	w.mix(value)
	w.acts++
	w.calls++
	var err error
	if w.fails != nil {
		err = w.fails(w.calls)
	} else {
		err = call()
	}
	if err != nil && w.failed != nil {
		w.failed(w.calls, err)
	}
	return err
}

func bit(on bool) uint64 {
	if on {
		return 1
	}
	return 0
}

// Send is Links. A signature isn't summed: a replay has another key.
func (w *watch) Send(path keepalive.Path, datagram []byte) {
	w.mix(didSend<<8 | uint64(path))
	w.mixBytes(datagram[:len(datagram)-w.ports.MAC.Size()])
	if w.ports.Links != nil {
		w.ports.Links.Send(path, datagram)
	}
}

// Ask is Witness.
func (w *watch) Ask(datagram []byte) {
	w.mix(didAsk)
	w.mixBytes(datagram[:witness.QuestionSize])
	if w.ports.Witness != nil {
		w.ports.Witness.Ask(datagram)
	}
}

// Use is Witness.
func (w *watch) Use(pop int) {
	w.mix(didUse<<8 | uint64(pop))
	w.acts++
	if w.ports.Witness != nil {
		w.ports.Witness.Use(pop)
	}
}

// Retry is Witness.
func (w *watch) Retry() {
	w.mix(didRetry)
	w.acts++
	if w.ports.Witness != nil {
		w.ports.Witness.Retry()
	}
}

// Serve is Gate.
func (w *watch) Serve(until time.Duration) error {
	return w.act(didServe, uint64(until), func() error { return w.ports.Gate.Serve(until) })
}

// Drain is Gate.
func (w *watch) Drain(until time.Duration) error {
	return w.act(didDrain, uint64(until), func() error { return w.ports.Gate.Drain(until) })
}

// Down is Gate.
func (w *watch) Down(open bool) error {
	return w.act(didDown, bit(open), func() error { return w.ports.Gate.Down(open) })
}

// FloatingIP is Guest.
func (w *watch) FloatingIP(on bool) error {
	return w.act(didGuest, bit(on), func() error { return w.ports.Guest.FloatingIP(on) })
}

// Start is Cloud.
func (w *watch) Start(request steer.Request) {
	w.mix(didCall<<8 | uint64(request.Op)<<4 | uint64(request.Target))
	w.mix(request.ID)
	w.mix(uint64(request.Timeout))
	w.mixBytes(request.Body)
	w.mixText(request.IfMatch)
	w.mixText(request.Why)
	w.acts++
	if w.ports.Cloud != nil {
		w.ports.Cloud.Start(request)
	}
}

type watchedMetadata struct{ *watch }

// Start is Metadata.
func (w watchedMetadata) Start() {
	w.mix(didLook)
	w.acts++
	if w.ports.Metadata != nil {
		w.ports.Metadata.Start()
	}
}

// Load is Store.
func (w *watch) Load() ([]byte, bool, error) { return w.ports.Store.Load() }

// Save is Store.
func (w *watch) Save(record []byte) error {
	w.mixBytes(record)
	return w.act(didSave, 0, func() error { return w.ports.Store.Save(record) })
}

// Append is Journal.
func (w *watch) Append(entry site.Entry) {
	w.mix(didNote)
	w.mixText(entry.What)
	w.mixText(entry.Detail)
	w.noted(entry)
	if w.ports.Journal != nil {
		w.ports.Journal.Append(entry)
	}
}
