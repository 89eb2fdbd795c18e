package sheet

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"releve.dev/releve/doctor"
)

// mostFacts bounds what is unpacked.
const mostFacts = 1 << 20

// Pack writes a guest's facts as one short line: a run command gives back the last
// 4 KB of an output, and resource ids are long but alike.
func Pack(guest *doctor.Guest) (string, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if err := errors.Join(json.NewEncoder(z).Encode(guest), z.Close()); err != nil {
		return "", fmt.Errorf("packing the guest's facts: %w", err)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes()), nil
}

// Unpack reads what Pack wrote.
func Unpack(text string) (*doctor.Guest, error) {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil {
		return nil, fmt.Errorf("a guest's facts: %w", err)
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("a guest's facts: %w", err)
	}
	guest := &doctor.Guest{}
	if err := json.NewDecoder(io.LimitReader(z, mostFacts)).Decode(guest); err != nil {
		return nil, fmt.Errorf("a guest's facts: %w", err)
	}
	return guest, nil
}
