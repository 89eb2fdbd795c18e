// Package events keeps what has happened (F9): each event exactly once, however
// often a vSocket sends it, and finds it again: by filter and text in pages, live
// in the order in which events were kept, as CSV and as JSON lines.
//
// # What is promised
//
//   - [Keeper.Keep] returns once the events are committed. An event that is there
//     already, or that the site's other vSocket has told (see core/event), is kept
//     too, and not twice.
//   - Whose an event is, the serial number says, which the sender's certificate
//     proves; never the event.
//   - Arrivals rise in the order of commits, account by account, with several
//     managers too: who has read to one misses nothing that is kept later.
//   - A page reads a bounded number of rows. So it may have fewer events than asked
//     for, or none, and yet a cursor to the next.
//   - A follower is never waited for. One that takes too long over a batch is cut,
//     and may come back with the last arrival that it had.
package events
