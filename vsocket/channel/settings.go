package channel

import (
	"errors"
	"fmt"
	"io/fs"

	contract "releve.dev/releve/channel"
	"releve.dev/releve/channel/line"
	"releve.dev/releve/disk"
)

// settingsFile has the last good settings.
const settingsFile = "settings"

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
	s := &contract.Settings{}
	if err := line.Decode(raw, s); err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	return s, nil
}

// SaveSettings makes settings durable in a folder, for LoadSettings.
func SaveSettings(folder disk.Folder, s *contract.Settings) error {
	if err := line.Keep(folder, settingsFile, s); err != nil {
		return fmt.Errorf("settings of generation %d: %w", s.Generation, err)
	}
	return nil
}
