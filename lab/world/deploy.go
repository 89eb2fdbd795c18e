package world

import (
	"bytes"
	"os"
)

// Deploy starts the agent of a vSocket that wasn't there before, with a file that
// says what only its VM knows. Who has enrolled it first, and has waited for its
// settings, finds it one of a pair from its first moment.
func (w *World) Deploy(node string) error {
	w.acting.Lock()
	defer w.acting.Unlock()
	w.Note("deployed", node)
	p := w.programs[node]
	p.hold(false)
	return p.run()
}

// Replace puts another VM in the place of a vSocket that has crashed: the same
// interfaces, and an empty disk. It is nobody's until it is enrolled, and does
// nothing until it is deployed.
func (w *World) Replace(node string) error {
	w.acting.Lock()
	defer w.acting.Unlock()
	w.Note("replaced", node)
	written := w.Journal(node)
	w.mu.Lock()
	w.gone = append(w.gone, written...)
	w.mu.Unlock()
	for _, p := range w.on(node) {
		p.hold(true)
	}
	for _, folder := range []string{w.stateDir(node), w.runDir(node)} {
		if err := os.RemoveAll(folder); err != nil {
			return err
		}
	}
	return w.undo(act{node, "crash"})
}

// MayEnd lets a vSocket's agent end by itself, which isn't told then: a vSocket that
// is unassigned does.
func (w *World) MayEnd(node string) {
	p := w.programs[node]
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wanted = false
}

// Refused reports whether a vSocket's channel has heard that its serial number is
// void.
func (w *World) Refused(node string) bool {
	said, err := os.ReadFile(w.channels[node].path(w.channels[node].log))
	return err == nil && bytes.Contains(said, []byte("void"))
}
