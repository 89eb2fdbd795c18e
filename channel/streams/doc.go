// Package streams carries byte streams inside a session of the channel: the
// manager opens them, to a service of a device (its tools, its pages).
//
// They are bounded: a session has at most Most of them, each with at most Window
// bytes on their way, and a step has at most Chunk. They come after all else: a
// session sends a step when it has nothing better to send, so a stream slows
// events by no more than one step. A session without streams costs nothing.
package streams

// The bounds, which both ends know.
const (
	Most   = 8        // streams of a session at once
	Window = 64 << 10 // bytes that may be sent before the first grant
	Chunk  = 16 << 10 // bytes of a step
)
