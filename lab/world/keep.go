package world

import (
	"os"
	"path/filepath"
)

// keep copies what the agents wrote to a folder that outlives the room, and of a bare
// lab's VMs their consoles, too.
func (w *World) keep() {
	for _, p := range w.all() {
		for _, name := range append([]string{p.log}, p.keeps...) {
			w.keepOne(filepath.Join(p.node, name), p.path(name))
		}
	}
	for _, node := range vsockets {
		if console := w.Console(node); console != "" {
			w.keepOne(filepath.Join(node, "console"), console)
			w.keepOne(filepath.Join(node, "state"), w.stateDir(node))
		}
	}
}

func (w *World) keepOne(to, from string) {
	if err := copyTree(filepath.Join(w.opt.Keep, to), from); err != nil {
		w.log.Error("not kept", "file", to, "error", err)
	}
}

func copyTree(to, from string) error {
	info, err := os.Stat(from)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return os.CopyFS(to, os.DirFS(from))
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, text, info.Mode().Perm())
}
