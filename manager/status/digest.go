package status

import "bytes"

// Digest is the same for two reports in JSON that differ in figures alone, as nearly
// all do: then nothing of them has to be read. The term is the one number that is no
// figure.
func Digest(report []byte) uint64 {
	h := fnv(14695981039346656037)
	term := false // the last string may be the term's name
	for i := 0; i < len(report); {
		end := i + 1
		switch c := report[i]; {
		case c == '"':
			end = endOfString(report, i)
			term = isTerm(report[i:end])
		case (c == '-' || c >= '0' && c <= '9') && !term:
			for end < len(report) && inNumber(report[end]) {
				end++
			}
			h.write('#')
			i = end
			continue
		}
		for _, c := range report[i:end] {
			h.write(c)
		}
		i = end
	}
	return uint64(h)
}

// fnv is FNV-1a.
type fnv uint64

func (h *fnv) write(c byte) { *h = (*h ^ fnv(c)) * 1099511628211 }

// isTerm is whether a string may be the term's name, as encoding/json reads it.
func isTerm(text []byte) bool {
	return len(text) == len(termName) && bytes.EqualFold(text, termName) || bytes.IndexByte(text, '\\') >= 0
}

var termName = []byte(`"term"`)

// endOfString is after the closing quotation mark of the string that begins at i.
func endOfString(text []byte, i int) int {
	for i++; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

func inNumber(c byte) bool {
	return c >= '0' && c <= '9' || c == '.' || c == '-' || c == '+' || c == 'e' || c == 'E'
}
