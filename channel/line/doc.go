// Package line is what a device's end of the channel is made of, a vSocket's and a
// PoP's alike: who it is, how it becomes that, and one connection to the manager.
package line
