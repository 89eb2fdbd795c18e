package world

import (
	"os"
	"path/filepath"
)

// keep copies what the agents wrote to a folder that outlives the room.
func (w *World) keep() {
	for _, p := range w.all() {
		for _, name := range append([]string{p.log}, p.keeps...) {
			if err := copyTree(filepath.Join(w.opt.Keep, p.node, name), p.path(name)); err != nil {
				w.log.Error("logs not kept", "node", p.node, "error", err)
			}
		}
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
