package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"releve.dev/releve/disk"
	"releve.dev/releve/site"
)

var paris = site.EnrolKey{Serial: site.MakeSerial(7)}

func leftToEnrol(t *testing.T, text string) (path string, folder disk.Folder) {
	t.Helper()
	dir := t.TempDir()
	own, err := disk.Own(filepath.Join(dir, "manager"))
	must(t, err)
	t.Cleanup(func() { own.Close() })
	path = enrolFile(filepath.Join(dir, "vsocket.yaml"))
	if text != "" {
		must(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return path, own
}

func gone(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the key is there yet: %v", err)
	}
}

// D1: a manager that can't be reached at the first boot costs time, not a person.
func TestEnrolsUntilItWorksD1(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path, folder := leftToEnrol(t, "manager.example:8443 "+paris.String()+"\n")
		began, tries := time.Now(), 0
		must(t, enrolPending(t.Context(), path, folder, func(_ context.Context, manager string, key site.EnrolKey) error {
			if manager != "manager.example:8443" || key != paris {
				t.Errorf("enrols at %s with %v", manager, key)
			}
			if tries++; tries < 12 {
				return errors.New("no route to host")
			}
			return nil
		}))
		if took := time.Since(began); tries != 12 || took < 5*time.Minute || took > 11*time.Minute {
			t.Errorf("%d tries in %s", tries, took)
		}
		gone(t, path)
	})
}

// To be told to end is no failure, and the next start goes on.
func TestEnrolmentIsInterrupted(t *testing.T) {
	path, folder := leftToEnrol(t, "manager.example:8443 "+paris.String())
	ctx, cancel := context.WithCancel(t.Context())
	err := enrolPending(ctx, path, folder, func(context.Context, string, site.EnrolKey) error {
		cancel()
		return ctx.Err()
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("ends with %v", err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

func TestPendingEnrolmentIsRead(t *testing.T) {
	for text, says := range map[string]string{
		"":                          "",
		"manager.example:8443":      "want HOST:PORT and a key",
		"manager " + paris.String(): "no HOST:PORT",
		"manager.example:8443 x":    "key",
	} {
		path, folder := leftToEnrol(t, text)
		err := enrolPending(t.Context(), path, folder, func(context.Context, string, site.EnrolKey) error {
			t.Errorf("%q: enrols", text)
			return nil
		})
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%q: says %v, want %q", text, err, says)
		}
	}
}
