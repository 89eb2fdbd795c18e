package door

import (
	"errors"
	"net"
	"os"
	"strings"
	"testing"
)

var owner = Owner{Program: "releve-thing", Who: "thing", File: "thing"}

func TestNotRunning(t *testing.T) {
	path := owner.Socket(t.TempDir())
	if _, err := owner.Dial(path).Do(t.Context(), "GET", "/"); !errors.Is(err, ErrNotRunning) || !strings.Contains(err.Error(), "\nhint: ") {
		t.Errorf("no socket: %v", err)
	}
	leaveBehind(t, path)
	if _, err := owner.Dial(path).Do(t.Context(), "GET", "/"); !errors.Is(err, ErrNotRunning) {
		t.Errorf("socket without a program: %v", err)
	}
}

// leaveBehind makes a socket that nobody listens on, as a killed program does.
func leaveBehind(t *testing.T, path string) {
	t.Helper()
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	listener.SetUnlinkOnClose(false)
	listener.Close()
}

// A socket left by a killed program is replaced, a running one's is not, and
// nobody else can open it.
func TestListen(t *testing.T) {
	dir := t.TempDir()
	leaveBehind(t, owner.Socket(dir))
	first, err := owner.Serve(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if _, err := owner.Serve(dir, nil); !errors.Is(err, ErrRunning) {
		t.Errorf("second program: %v", err)
	}
	info, err := os.Stat(owner.Socket(dir))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, err := owner.Serve("/dev/null/x", nil); err == nil {
		t.Error("a run directory that can't be made passes")
	}
}
