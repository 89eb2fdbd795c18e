// Package record is how a vSocket's record is written: all that its driver was
// told, with the time, and what it said and did about it, so that the same core
// can be run on it again.
//
// A record is a row of chunks, each with its number in the boot and a checksum.
// A chunk is a row of rows. A Head begins each part that can be replayed by
// itself: a boot, or a checkpoint of a boot that goes on. Rows are written as
// differences from those before, back to the Head: a plain keepalive that came
// by both paths costs some thirty bytes. Nothing secret is in it: a datagram is
// kept without its signature.
package record

import (
	"time"

	"releve.dev/releve/site"
	"releve.dev/releve/wire/auth"
	"releve.dev/releve/wire/keepalive"
)

// Kind is what a row is.
type Kind uint8

// The kinds. From Start to Status they are calls of the driver.
const (
	HeadRow  Kind = iota
	Start         // the first call
	Datagram      // a keepalive that was believed
	Reply         // and what the witness said
	Tick          // Late
	Answer        // Azure's answer to a call
	Metadata      // IMDS has answered: SentAt, OK is "mine"
	Reading       // a probe's: Probe, OK
	Stop
	Status   // somebody has asked for it
	Note     // what was said: Wall, What, Detail
	Failure  // a port's call has failed: the N-th of this input's, Detail
	Check    // Sum of all that was done so far
	Settings // another input: Detail, the role machine's, as JSON
	Floating // another input: Detail, the floating IPs, as JSON
	Gap      // never written: the reader tells that something is missing here
)

// Input reports whether a row is a call of the driver.
func (k Kind) Input() bool { return k >= Start && k <= Status || k == Settings || k == Floating }

// Row is one row. Which fields it has depends on its kind; the others are
// neither written nor read.
type Row struct {
	Kind     Kind
	At       time.Duration // of a Head and of each input: the agent's clock
	Late     time.Duration
	SentAt   time.Duration // of Metadata
	OK       bool
	Probe    uint8
	Path     keepalive.Path
	Datagram []byte // BodySize bytes, or those of a reply; valid until the next row is read
	Response Response
	Wall     time.Time
	What     string
	Detail   string
	N        uint64
	Sum      uint64
	Head     Head
}

// Head begins a boot, or goes on with one from a checkpoint.
type Head struct {
	Boot       site.BootID
	Nonce      uint64
	Wall       time.Time // when At was
	Release    string    // of the program
	Config     []byte    // the driver's, as JSON
	State      []byte    // what was kept from the last boot, nil for nothing
	Lost       uint64    // inputs that are missing before this, as the disk was too slow
	Layout     uint64    // of Checkpoint: another program's can't be read
	Checkpoint []byte    // what the driver had in mind, nil at a boot
}

// Response is what became of a call to ARM (core/steer has the meaning).
type Response struct {
	ID         uint64
	SentAt     time.Duration
	Status     int
	Body       []byte
	Code       string
	Detail     string
	Message    string
	Action     string
	Scope      string
	RetryAfter time.Duration
}

var unsigned = auth.NewChecksum(nil)

// BodySize is how long a datagram is without its signature.
var BodySize = keepalive.Size(unsigned) - unsigned.Size()

// Sign makes a datagram of a record's, as only a replayer believes it.
func Sign(dst, body []byte) []byte { return unsigned.Append(append(dst, body...), body) }

// MAC is the one that Sign signs with. It is no protection.
func MAC() auth.MAC { return unsigned }
