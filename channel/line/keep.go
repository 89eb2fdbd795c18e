package line

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"google.golang.org/protobuf/proto"

	"releve.dev/releve/disk"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Keep writes a message to the disk: CRC-32C (4), then the message. Fields of a later
// release are kept.
func Keep(folder disk.Folder, name string, m proto.Message) error {
	body, err := proto.Marshal(m)
	if err == nil {
		raw := binary.BigEndian.AppendUint32(nil, crc32.Checksum(body, castagnoli))
		err = disk.Replace(folder, name, append(raw, body...))
	}
	if err != nil {
		return fmt.Errorf("keeping %s: %w", name, err)
	}
	return nil
}

// Decode reads what Keep wrote.
func Decode(raw []byte, into proto.Message) error {
	if len(raw) < 4 || binary.BigEndian.Uint32(raw) != crc32.Checksum(raw[4:], castagnoli) {
		return errors.New("the file is spoilt\nhint: the manager gives it anew")
	}
	return proto.Unmarshal(raw[4:], into)
}
