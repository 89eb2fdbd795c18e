// Package sim runs whole sites in one goroutine: the real agent drivers with
// the real core, and the emulator's resource store as Azure, under a virtual
// clock, a network and faults that are drawn from a seed (requirement B9).
//
// A run is a Schedule, which is data: settings, and faults with their times.
// Draw makes one from a seed, Run plays it, Shrink makes a failing one small,
// Parse reads one that was kept. The same Schedule always gives the same Hash.
//
// # Time
//
// World time starts at zero. Each vSocket has a clock of its own: another
// origin, another rate, and a guest clock that may stand still in a pause.
//
// # Chance
//
// Each concern has its own seeded generator, so that a draw added to one does
// not change the others. Nothing depends on the order of a map.
package sim
