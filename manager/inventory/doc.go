// Package inventory holds the manager's use cases on what an account owns:
// sites, vSockets and their serial numbers, HA settings, networks (E1–E10). Each
// change and its audit row are one transaction (E12), and each is of one
// account: what another owns is absent.
package inventory
