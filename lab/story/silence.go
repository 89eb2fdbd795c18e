// Package story shows a run of the lab to a person: a picture of the site that
// follows what happens, and a line for each thing that matters.
package story

import "releve.dev/releve/lab/world"

// Silence watches without a word.
type Silence struct{}

// Rising says nothing.
func (Silence) Rising() {}

// Up says nothing.
func (Silence) Up(*world.World) {}

// Over says nothing.
func (Silence) Over() {}
