package record

import (
	"bytes"
	"encoding/binary"

	"releve.dev/releve/wire/auth"
)

// ChunkHead is how many bytes a chunk has besides its rows: magic (4), length of
// the rows (4), number (8), checksum of both and of the rows (8). All numbers
// are big-endian.
const ChunkHead = 4 + 4 + 8 + 8

// maxRows is far beyond any chunk, so that a torn length is noticed.
const maxRows = 64 << 20

// magic is no UTF-8: no text begins like a record.
var magic = []byte{'R', 'L', 'V', 0x81}

var checksum = auth.NewChecksum([]byte("record"))

// AppendChunk writes a chunk behind dst. Chunks are numbered from 0 at each
// boot.
func AppendChunk(dst []byte, number uint64, rows []byte) []byte {
	start := len(dst)
	dst = append(dst, magic...)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(rows)))
	dst = binary.BigEndian.AppendUint64(dst, number)
	dst = append(dst, sum(dst[start+len(magic):], rows)...)
	return append(dst, rows...)
}

func sum(head, rows []byte) []byte {
	return checksum.Append(nil, checksum.Append(bytes.Clone(head), rows))
}

// Is reports whether data begins as a record does.
func Is(data []byte) bool { return bytes.HasPrefix(data, magic) }

// cut takes the next whole chunk off data; what stands before it, torn, is
// passed over. ok is false if there is none.
func cut(data []byte) (number uint64, rows, rest []byte, ok bool) {
	for {
		at := bytes.Index(data, magic)
		if at < 0 {
			return 0, nil, nil, false
		}
		data = data[at:]
		if number, rows, ok = whole(data); ok {
			return number, rows, data[ChunkHead+len(rows):], true
		}
		data = data[len(magic):]
	}
}

func whole(data []byte) (number uint64, rows []byte, ok bool) {
	if len(data) < ChunkHead {
		return 0, nil, false
	}
	size := binary.BigEndian.Uint32(data[4:])
	if size > maxRows || int(size) > len(data)-ChunkHead {
		return 0, nil, false
	}
	rows = data[ChunkHead : ChunkHead+int(size)]
	return binary.BigEndian.Uint64(data[8:]), rows, bytes.Equal(data[16:ChunkHead], sum(data[4:16], rows))
}

// Reader reads a record's rows, over whatever is missing or torn in it.
type Reader struct {
	data []byte
	rows []byte // of the present chunk
	next uint64 // number of the chunk that is expected
	lost bool   // something is missing: a Head is looked for
	any  bool   // a chunk has been read
	Rows
}

// NewReader reads data, which is left as it is.
func NewReader(data []byte) *Reader { return &Reader{data: data} }

// Next reads a row; false is the end. Where something is missing it gives a
// Gap, and then the next Head.
func (r *Reader) Next(row *Row) bool {
	for {
		for len(r.rows) == 0 {
			if gap, more := r.chunk(); gap {
				*row = Row{Kind: Gap}
				return true
			} else if !more {
				return false
			}
		}
		*row = Row{}
		rest, err := r.Read(r.rows, row)
		r.rows = rest
		if err != nil {
			r.rows = nil
			if r.lose() {
				*row = Row{Kind: Gap}
				return true
			}
			continue
		}
		if row.Kind == HeadRow {
			r.lost = false
		}
		if !r.lost {
			return true
		}
		r.rows = nil // Heads stand first in a chunk
	}
}

// chunk goes on to the next one. gap says that it isn't the one expected.
func (r *Reader) chunk() (gap, more bool) {
	number, rows, rest, ok := cut(r.data)
	if !ok {
		torn := len(r.data) > 0 && r.lose()
		r.data = nil
		return torn, false
	}
	first := !r.any || number == 0 // of the record, or of a boot: begins with a Head, or is torn
	expected := first && len(rows) > 0 && rows[0] == byte(HeadRow) || !first && number == r.next
	r.data, r.rows, r.next, r.any = rest, rows, number+1, true
	if expected {
		r.lost = r.lost || first
		return false, true
	}
	return r.lose(), true
}

// lose says that something is missing, once.
func (r *Reader) lose() bool {
	was := r.lost
	r.lost = true
	return !was
}
