package spool

import (
	"encoding/binary"
	"hash/crc32"
)

// A file is a head, then entries: length (4), CRC-32C of the length and the
// payload (4), payload. A payload's first byte says what it is.
const (
	entryEvent   = 1 // boot (8), number (8), body
	entryRemoved = 2 // spans: boot (8), first number (8), last (8)
)

const (
	entryHead = 4 + 4
	eventHead = 1 + 8 + 8
	spanSize  = 8 + 8 + 8
)

var head = []byte("RLVSPL1\n")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// span is events that were removed: those of one boot, from first to last.
type span struct{ boot, first, last uint64 }

func appendEvent(to []byte, id ID, body []byte) []byte {
	payload := make([]byte, 0, eventHead+len(body))
	payload = append(payload, entryEvent)
	payload = binary.BigEndian.AppendUint64(payload, id.Boot)
	payload = binary.BigEndian.AppendUint64(payload, id.Number)
	return appendEntry(to, append(payload, body...))
}

func appendRemoved(to []byte, spans []span) []byte {
	payload := []byte{entryRemoved}
	for _, s := range spans {
		payload = binary.BigEndian.AppendUint64(payload, s.boot)
		payload = binary.BigEndian.AppendUint64(payload, s.first)
		payload = binary.BigEndian.AppendUint64(payload, s.last)
	}
	return appendEntry(to, payload)
}

func appendEntry(to, payload []byte) []byte {
	start := len(to)
	to = binary.BigEndian.AppendUint32(to, uint32(len(payload)))
	to = binary.BigEndian.AppendUint32(to, sum(to[start:start+4], payload))
	return append(to, payload...)
}

func sum(length, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum(length, castagnoli), castagnoli, payload)
}

// decoded is what a file's entries say.
type decoded struct {
	events []found
	spans  []span
	whole  int // bytes that are as they were written; what follows was torn
}

// found is an event and where its body is.
type found struct {
	id   ID
	at   int
	size int
}

// decode reads a file up to the first byte that isn't as it was written: what
// comes after was never promised to anybody.
func decode(raw []byte) decoded {
	var d decoded
	if len(raw) < len(head) || string(raw[:len(head)]) != string(head) {
		return d
	}
	d.whole = len(head)
	for {
		payload, ok := nextEntry(raw[d.whole:])
		if !ok || !d.take(payload, d.whole+entryHead) {
			return d
		}
		d.whole += entryHead + len(payload)
	}
}

func nextEntry(raw []byte) (payload []byte, ok bool) {
	if len(raw) < entryHead {
		return nil, false
	}
	size := uint64(binary.BigEndian.Uint32(raw))
	if size == 0 || size > uint64(len(raw)-entryHead) {
		return nil, false
	}
	payload = raw[entryHead : entryHead+size]
	return payload, binary.BigEndian.Uint32(raw[4:]) == sum(raw[:4], payload)
}

func (d *decoded) take(payload []byte, at int) bool {
	switch rest := payload[1:]; payload[0] {
	case entryEvent:
		if len(payload) < eventHead {
			return false
		}
		id := ID{binary.BigEndian.Uint64(rest), binary.BigEndian.Uint64(rest[8:])}
		d.events = append(d.events, found{id, at + eventHead, len(payload) - eventHead})
	case entryRemoved:
		if len(rest) == 0 || len(rest)%spanSize != 0 {
			return false
		}
		for ; len(rest) > 0; rest = rest[spanSize:] {
			d.spans = append(d.spans, span{binary.BigEndian.Uint64(rest), binary.BigEndian.Uint64(rest[8:]), binary.BigEndian.Uint64(rest[16:])})
		}
	default:
		return false
	}
	return true
}
