// Package ha is the role machine of a vSocket: what it hears, reads and is told
// goes in with the time, what it decides comes out as actions (ha.md sections
// 1 to 3; the rules R0 to R14 are named where they are kept). It has no clock,
// no socket, no randomness and no log.
//
// The third, which alone gives birth to terms, is a setting: ARM's register (R11)
// or a witness (witness.go).
package ha
