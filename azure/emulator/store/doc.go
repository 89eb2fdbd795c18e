// Package store is Azure Resource Manager's semantics over one store of
// resources, without HTTP: requests go in, responses come out, and the data
// plane that results can be read at any time.
//
// It behaves as Azure does, not as it would be handy: a PUT replaces the whole
// resource, writes take their time in the control plane and another time in
// the data plane, an address stays allocated until its removal is done, and
// permissions are checked on what a body refers to.
//
// # Time and chance
//
// The store has no clock and no goroutine. Every instant is a time.Duration on
// the caller's clock, and all chance comes from Options.Seed: the same calls
// in the same order give the same answers. What falls due between two calls
// happens in Advance, in the order of its instants; Handle advances by itself.
//
// # Concurrency
//
// A Store is used by one goroutine at a time. What it returns is the caller's,
// except response bodies and planes, which are shared and never change.
package store
