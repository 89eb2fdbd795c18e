// Package plan says what set-up in Azure changes: the steps of deploy, ha, ha
// undo and ha set-fip. It does nothing itself: each step names one resource and
// says what it shall be, given what it is.
//
// The same steps are a plan (package apply shows what they would change) and
// the change. A step that finds its resource as it shall be gives the same
// document, so that a run which ended half-way is gone on with by the same
// command, and needs no memory of it (D11).
package plan

import (
	"errors"
	"time"

	"releve.dev/releve/setup/document"
)

// ErrUnknown is a Change that needs what an earlier step learns of Azure, and
// that isn't known yet. A plan shows it as "known after"; when it is carried
// out, it is a mistake in the order of the steps.
var ErrUnknown = errors.New("known after an earlier step")

// Known is what steps learn of Azure while they are carried out.
type Known struct {
	PrincipalID string // of the user-assigned identity: who has the role
	ClientID    string // of the user-assigned identity: what it asks for tokens as
	Image       string // resource id of the image that a VM is made of
}

// Step is one change of one resource. Change and Act are alternatives.
type Step struct {
	Name string // stable: "identity", "role", "floating-ip"; distinct within a plan
	Why  string // for people, one line
	ID   string // of the resource

	// Change gives what the resource shall be, of what it is: nil in, it isn't
	// there; nil out, it shall not be. It doesn't change its argument.
	Change func(is document.Document, known *Known) (document.Document, error)
	// Learn takes what later steps need of the resource, which is as it shall be.
	Learn func(is document.Document, known *Known)
	// Act is for what isn't a state of the resource.
	Act *Act
	// Shared is Azure's error code for a deletion that others' use of the
	// resource forbids: then it stays, and the step is done.
	Shared string
}

// Act is a POST to a resource, or somebody else's change that is waited for, and
// how to see in Azure that there is nothing left to do.
type Act struct {
	Post  string            // what is asked of the resource: "restart"; "": nothing, Done is waited for
	Body  document.Document // nil for none
	Ready bool              // afterwards the VM's guest must say that it serves, before the next step
	// Done says, of the resource as it is, that the act was carried out. A later
	// step has to make that visible; until then a run that goes on acts again.
	Done func(is document.Document, known *Known) bool
	// For is how long Done must have held, in look after look, before the next step.
	For time.Duration
}
