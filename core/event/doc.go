// Package event is the vocabulary of what a site's people are told (F9), and
// makes the events at a vSocket from what its status says each second. Each
// condition has its hysteresis, so that a blip tells nothing or one thing.
//
// # Who makes what
//
// What concerns one vSocket (its tunnel, its ports, its version) that vSocket
// makes. A fail-over the secondary makes: it alone knows for how long it has been
// active, and the primary may be dead.
//
// Whether HA is Ready is the site's matter, seen by both, and must be told once.
// The active tells it: it is the one that is surely alive, and never are there two
// by the third's word. When both or none say that they are active, the primary
// does, if it is heard by the peer or by the witness. Roles change just when such
// things happen, so nobody relies on that alone:
//   - Both follow the condition, and only the one that speaks says it. Who begins
//     to speak within [Overlap] of a change says it too; later it takes the matter
//     over in silence, as the one before has said it.
//   - Who has said Not Ready, or has taken it over, says Ready, whatever its role
//     is by then. It remembers so through a restart ([Memory]).
//   - Both may say it then. So such an event has a slot, its time in steps of
//     [SlotWidth]; of a site's events of one kind those in one slot or in
//     neighbours are the same one. Two that differ are further apart, for what
//     comes between them takes longer ([Thresholds.Check]).
package event
