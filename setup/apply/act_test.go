package apply_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"releve.dev/releve/setup/apply"
	"releve.dev/releve/setup/document"
	"releve.dev/releve/setup/plan"
)

// wavering is an Azure in which what is waited for comes, goes, and comes again.
type wavering struct {
	apply.ARM
	began time.Time
}

func (w wavering) Get(context.Context, string) (document.Document, string, error) {
	since := time.Since(w.began)
	return document.Document{"there": since >= 5*time.Second && since < 25*time.Second || since >= 50*time.Second}, "", nil
}

// What has to hold for a while is looked at again and again meanwhile: it begins anew
// when it didn't.
func TestAnActHoldsForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		a := apply.Applier{ARM: wavering{began: began}, Progress: &quiet{}}
		done := func(is document.Document, _ *plan.Known) bool { return is.Bool("there") }
		steps := []plan.Step{{Name: "unnamed", ID: "/a", Act: &plan.Act{Done: done, For: 30 * time.Second}}}
		if err := a.Run(t.Context(), steps, &plan.Known{}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < 80*time.Second || took > 95*time.Second {
			t.Errorf("it held after %s, want some 80 s", took)
		}
	})
}
