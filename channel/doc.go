// Package channel is the contract between the manager and its devices, generated
// from channel.proto (`make generate`): the messages, and Connect's client and
// handler for the two calls. docs/protocol.md says what they mean.
//
// A session is a plain pair of streams of envelopes, Up and Down, so that
// another carrier could take Connect's place.
package channel

import "time"

// ServerName is in every certificate that the manager's authority gives a
// manager, and what a device asks for whatever address it dials. Names and
// proxies between them don't matter: the authority is the device's own.
const ServerName = "releve-manager"

// Limits that both ends keep.
const (
	MaxMessage = 1 << 20  // bytes of one envelope
	MaxBatch   = 512      // events in a batch
	MaxBody    = 64 << 10 // bytes of one event
	MaxUnacked = 4        // batches that a device sends before the first is acknowledged
)

// HeartbeatEvery is how often each side says something at the least. Proxies cut
// streams that are idle for 60 s, and count HTTP/2's own pings as nothing.
const HeartbeatEvery = 20 * time.Second

// Silence is how long nothing is heard until the other side counts as gone.
const Silence = 3 * HeartbeatEvery
