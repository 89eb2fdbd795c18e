package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"releve.dev/releve/channel/line"
	"releve.dev/releve/disk"
	"releve.dev/releve/site"
	"releve.dev/releve/slots"
)

// enrolFile, beside the config file, says "HOST:PORT KEY". Whoever sets a VM up
// leaves it there (setup/guest), and the channel enrols by it and takes it away: so
// neither a manager that can't be reached yet nor a reboot in between loses it.
func enrolFile(config string) string { return filepath.Join(filepath.Dir(config), "enrol") }

// How long to wait before the next try; a key that is refused isn't tried harder.
const (
	enrolAgain  = 3 * time.Second
	enrolSeldom = time.Minute
)

// enrolPending enrols by the file, if there is one, and goes on until it works. try
// asks once.
func enrolPending(ctx context.Context, path string, folder disk.Folder, try func(context.Context, string, site.EnrolKey) error) error {
	manager, key, err := readPending(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if _, enrolled := line.LoadIdentity(folder); enrolled == nil {
		return forgetPending(path)
	}
	if err != nil {
		return err
	}
	wait, told := enrolAgain, ""
	for {
		if err = try(ctx, manager, key); err == nil {
			slog.Info("enrolled", "serial", key.Serial)
			return forgetPending(path)
		}
		if text := err.Error(); text != told && ctx.Err() == nil {
			told = text
			slog.Warn("enrolment fails, and is tried again", "error", err)
		}
		select {
		case <-time.After(wait):
			wait = min(2*wait, enrolSeldom)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func readPending(path string) (manager string, key site.EnrolKey, err error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", key, err
	}
	words := strings.Fields(string(raw))
	if len(words) != 2 {
		return "", key, fmt.Errorf("%s: want HOST:PORT and a key", path)
	}
	if _, _, err := net.SplitHostPort(words[0]); err != nil {
		return "", key, fmt.Errorf("%s: %q is no HOST:PORT", path, words[0])
	}
	if key, err = site.ParseEnrolKey(words[1]); err != nil {
		return "", key, fmt.Errorf("%s: %w", path, err)
	}
	return words[0], key, nil
}

func forgetPending(path string) error {
	return errors.Join(os.Remove(path), slots.SyncDir(filepath.Dir(path)))
}
