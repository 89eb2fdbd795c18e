package emulator

import (
	"time"

	"releve.dev/releve/azure/emulator/store"
)

// OnMachine calls fn for what happens to VMs that have an image: in order, one
// call at a time, outside of the lock, so fn may call the server; an answer
// doesn't wait for it. From then on a VM's PUT, start and restart end only
// after Booted, and the operations of scripts after ScriptDone; VMs that run
// already are told as booting. There is one hook.
func (s *Server) OnMachine(fn func(store.MachineEvent)) {
	s.locked(func(now time.Duration) {
		s.onMachine = fn
		s.store.PlayGuests(now)
	})
}

// Booted says that the agent of a VM's guest is ready.
func (s *Server) Booted(vmID string) {
	s.locked(func(now time.Duration) { s.store.Booted(now, vmID) })
}

// BootFailed says that a VM's guest will never be ready, and why.
func (s *Server) BootFailed(vmID, why string) {
	s.locked(func(now time.Duration) { s.store.BootFailed(now, vmID, why) })
}

// ScriptDone says how the script of an operation has ended.
func (s *Server) ScriptDone(operation string, exit int, stdout, stderr string) {
	s.locked(func(now time.Duration) { s.store.ScriptDone(now, operation, exit, stdout, stderr) })
}

// tellMachines has the events of this turn delivered. The caller holds the lock.
func (s *Server) tellMachines() {
	if s.onMachine == nil {
		return
	}
	s.events = append(s.events, s.store.MachineEvents()...)
	if len(s.events) == 0 || s.telling {
		return
	}
	s.telling = true
	go s.deliver()
}

// deliver calls the hook until nothing is left to tell.
func (s *Server) deliver() {
	for {
		s.mu.Lock()
		events, fn := s.events, s.onMachine
		s.events = nil
		s.telling = len(events) > 0
		s.mu.Unlock()
		if len(events) == 0 {
			return
		}
		for _, e := range events {
			fn(e)
		}
	}
}
