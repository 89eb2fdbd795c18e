package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Saved is a login on this machine's disk, readable for its owner alone.
type Saved struct {
	Address     string `json:"address"`
	Fingerprint string `json:"fingerprint,omitempty"` // of the manager's CA; "": the system's CAs decide
	Token       string `json:"token"`
	TokenID     string `json:"token_id,omitempty"`
	Name        string `json:"name,omitempty"` // who logged in
}

// SavedPath is the login's file: RELEVE_LOGIN, or one in the person's own
// configuration.
func SavedPath() (string, error) {
	if path := os.Getenv("RELEVE_LOGIN"); path != "" {
		return path, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("login: %w\nhint: set RELEVE_LOGIN to a file's path", err)
	}
	return filepath.Join(dir, "releve", "login.json"), nil
}

// Load finds the login: RELEVE_MANAGER, RELEVE_TOKEN and RELEVE_FINGERPRINT for
// programs, or else what `releve login` saved.
func Load() (Saved, error) {
	// A half of the two must never be made whole by what somebody saved: it would be
	// somebody else, at another manager.
	address, token := os.Getenv("RELEVE_MANAGER"), os.Getenv("RELEVE_TOKEN")
	switch {
	case address != "" && token != "":
		return Saved{Address: address, Token: token, Fingerprint: os.Getenv("RELEVE_FINGERPRINT")}, nil
	case address != "":
		return Saved{}, errors.New("RELEVE_MANAGER is set, and RELEVE_TOKEN is unset or empty\nhint: set both, or neither to use what releve login saved")
	case token != "":
		return Saved{}, errors.New("RELEVE_TOKEN is set, and RELEVE_MANAGER is unset or empty\nhint: set both, or neither to use what releve login saved")
	}
	path, err := SavedPath()
	if err != nil {
		return Saved{}, err
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Saved{}, errors.New("you aren't logged in\nhint: releve login https://manager.example:8443")
	}
	if err != nil {
		return Saved{}, fmt.Errorf("login: %w", err)
	}
	var s Saved
	if err := json.Unmarshal(text, &s); err != nil {
		return Saved{}, fmt.Errorf("login %s: %w\nhint: log in anew with releve login", path, err)
	}
	return s, nil
}

// Save writes it for the next command, whole or not at all.
func (s Saved) Save() error {
	path, err := SavedPath()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("login: %w", err)
	}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("login: %w", err)
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".login-*") // 0600
	if err != nil {
		return fmt.Errorf("login: %w", err)
	}
	_, err = file.Write(append(text, '\n'))
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("login %s: %w", path, err), os.Remove(file.Name()))
	}
	return nil
}

// Forget removes what Save wrote.
func Forget() error {
	path, err := SavedPath()
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("login: %w", err)
	}
	return nil
}

// Client is of this login.
func (s Saved) Client() (*Client, error) { return New(s.Address, s.Fingerprint, s.Token) }
