package apply

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"releve.dev/releve/setup/document"
	"releve.dev/releve/setup/plan"
)

// Change is what a step would do.
type Change struct {
	Step    *plan.Step
	Outcome Outcome // Created, Changed, Deleted or Done
	Later   bool    // what it will be is known after an earlier step
	Diff    []document.Difference
}

// Plan lists what the steps would change, without changing anything: nothing to
// do is an empty list. Where several change one resource, each is shown what the
// ones before will have made of it.
func Plan(ctx context.Context, arm ARM, steps []plan.Step, known *plan.Known) ([]Change, error) {
	var list []Change
	resources := map[string]document.Document{} // as they will be, by id in lower case
	for i := range steps {
		step := &steps[i]
		key := strings.ToLower(step.ID)
		is, read := resources[key]
		if !read {
			var err error
			if is, _, err = arm.Get(ctx, step.ID); err != nil {
				return nil, err
			}
		}
		change, shall, err := foresee(step, is, known)
		if err != nil {
			return nil, &StepError{step, err}
		}
		resources[key] = shall
		if change != nil {
			list = append(list, *change)
		}
	}
	return list, nil
}

func foresee(step *plan.Step, is document.Document, known *plan.Known) (*Change, document.Document, error) {
	if step.Act != nil {
		if is != nil && step.Act.Done(is, known) {
			return nil, is, nil
		}
		return &Change{Step: step, Outcome: Done}, is, nil
	}
	shall, err := step.Change(is, known)
	switch {
	case errors.Is(err, plan.ErrUnknown):
		outcome := Created
		if is != nil {
			outcome = Changed
		}
		return &Change{Step: step, Outcome: outcome, Later: true}, is, nil
	case err != nil:
		return nil, nil, err
	}
	if document.Equal(is, shall) {
		if step.Learn != nil && is != nil {
			step.Learn(is, known)
		}
		return nil, is, nil
	}
	change := &Change{Step: step, Outcome: Changed, Diff: document.Diff(is, shall)}
	switch {
	case is == nil:
		change.Outcome = Created
		change.Diff = document.Diff(document.Document{}, shall)
	case shall == nil:
		change.Outcome, change.Diff = Deleted, nil
	}
	for i := range change.Diff {
		hidden(&change.Diff[i])
	}
	return change, shall, nil
}

// secret is what nobody shall see: what an extension is given in secret.
const secret = "protectedSettings"

// hidden takes secrets out of a difference.
func hidden(d *document.Difference) {
	if strings.Contains(d.Path, secret) {
		d.Before, d.After = nil, "(secret)"
	} else if after, ok := d.After.(map[string]any); ok && after[secret] != nil {
		covered := document.Document(after).Clone()
		covered.Set("(secret)", secret)
		d.After = map[string]any(covered)
	}
}

// differing is a short text of what differs.
func differing(is, shall document.Document) string {
	var text []string
	for i, d := range document.Diff(is, shall) {
		if i == 5 {
			text = append(text, "…")
			break
		}
		hidden(&d)
		text = append(text, fmt.Sprintf("%s is %s, shall be %s", d.Path, show(d.Before), show(d.After)))
	}
	return strings.Join(text, "; ")
}

func show(value any) string {
	if value == nil {
		return "absent"
	}
	text := document.Document{"": value}.JSON()
	return string(text[len(`{"":`) : len(text)-1])
}
