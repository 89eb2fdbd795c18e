package channel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"

	"google.golang.org/protobuf/proto"

	contract "releve.dev/releve/channel"
	"releve.dev/releve/disk"
)

// settingsFile has the last good settings: CRC-32C (4), then the message.
const settingsFile = "settings"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Reader is a folder to look into.
type Reader interface {
	Read(name string) ([]byte, error) // fs.ErrNotExist if there is none
}

// LoadSettings returns nil if there are none.
func LoadSettings(folder Reader) (*contract.Settings, error) {
	raw, err := folder.Read(settingsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	return decodeSettings(raw)
}

func decodeSettings(raw []byte) (*contract.Settings, error) {
	if len(raw) < 4 || binary.BigEndian.Uint32(raw) != crc32.Checksum(raw[4:], castagnoli) {
		return nil, errors.New("settings: the file is spoilt\nhint: the manager gives them anew")
	}
	s := &contract.Settings{}
	if err := proto.Unmarshal(raw[4:], s); err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	return s, nil
}

// SaveSettings makes settings durable in a folder, for LoadSettings.
func SaveSettings(folder disk.Folder, s *contract.Settings) error {
	body, err := proto.Marshal(s) // fields of a later release are kept
	if err == nil {
		raw := binary.BigEndian.AppendUint32(nil, crc32.Checksum(body, castagnoli))
		err = disk.Replace(folder, settingsFile, append(raw, body...))
	}
	if err != nil {
		return fmt.Errorf("settings of generation %d: %w", s.Generation, err)
	}
	return nil
}
