// Package contract proves the emulator with Azure's own typed SDK: what that
// accepts, polls and understands is what ARM's clients will. It is the only
// package that imports armnetwork, which is dear to compile.
package contract
