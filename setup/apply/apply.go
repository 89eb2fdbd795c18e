// Package apply carries a plan's steps out, or shows what they would change.
//
// Each step reads its resource, lets the plan say what it shall be, writes it on
// the condition that nobody has changed it meanwhile, waits until Azure is done,
// and looks again. So a run that ended at any point is gone on with by another,
// which finds what the first did as it shall be (D11).
package apply

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"releve.dev/releve/setup/account"
	"releve.dev/releve/setup/document"
	"releve.dev/releve/setup/plan"
)

// ARM is what is asked of Azure; account.Client is it.
type ARM interface {
	Get(ctx context.Context, id string) (is document.Document, etag string, err error)
	Put(ctx context.Context, id string, body document.Document, ifMatch string) (document.Document, error)
	Delete(ctx context.Context, id string) error
	Post(ctx context.Context, path string, body document.Document) (document.Document, error)
}

var _ ARM = (*account.Client)(nil)

// Event is told of a step.
type Event struct {
	Step    *plan.Step
	N, Of   int
	Outcome Outcome
	Took    time.Duration
}

// Outcome says what became of a step.
type Outcome string

// The outcomes. Begun comes before each of the others.
const (
	Begun     Outcome = "begun"
	Unchanged Outcome = "unchanged"
	Created   Outcome = "created"
	Changed   Outcome = "changed"
	Deleted   Outcome = "deleted"
	Done      Outcome = "done"
	Kept      Outcome = "kept" // others use it
)

// Progress is told of a run. Waits are told, too, each time that nothing has come.
type Progress interface {
	account.Progress
	Step(Event)
}

// Applier carries steps out.
type Applier struct {
	ARM      ARM
	Progress Progress
	// Ready returns when the guest of a VM serves. Nil: it isn't waited for.
	Ready func(ctx context.Context, vm string) error
	// Between is called before and after each step; an error ends the run. Tests do.
	Between func(step string, after bool) error
}

const (
	every = 5 * time.Second  // longest pause between two looks
	bound = 15 * time.Minute // for what others do: a conflicting operation, a moved address
	tries = 4                // writes of one step that Azure accepts and yet shows otherwise
)

// StepError says which step a run ended at.
type StepError struct {
	Step *plan.Step
	Err  error
}

func (e *StepError) Error() string { return fmt.Sprintf("step %s: %v", e.Step.Name, e.Err) }

func (e *StepError) Unwrap() error { return e.Err }

// Run carries the steps out, in order, until the first that fails.
func (a *Applier) Run(ctx context.Context, steps []plan.Step, known *plan.Known) error {
	ctx = account.WithProgress(ctx, a.Progress)
	for i := range steps {
		step := &steps[i]
		if err := a.between(step, false); err != nil {
			return err
		}
		began := time.Now()
		event := Event{Step: step, N: i + 1, Of: len(steps), Outcome: Begun}
		a.Progress.Step(event)
		outcome, err := a.step(ctx, step, known)
		if err != nil {
			return &StepError{step, err}
		}
		event.Outcome, event.Took = outcome, time.Since(began)
		a.Progress.Step(event)
		if err := a.between(step, true); err != nil {
			return err
		}
	}
	return nil
}

func (a *Applier) between(step *plan.Step, after bool) error {
	if a.Between == nil {
		return nil
	}
	return a.Between(step.Name, after)
}

func (a *Applier) step(ctx context.Context, step *plan.Step, known *plan.Known) (Outcome, error) {
	if step.Act != nil {
		return a.act(ctx, step, known)
	}
	outcome := Unchanged
	err := account.Await(ctx, document.Short(step.ID)+" to be free for a change", every, bound, func(ctx context.Context) (free bool, err error) {
		outcome, err = a.become(ctx, step, known, outcome)
		if again(err) {
			return false, nil
		}
		return err == nil, err
	})
	return outcome, err
}

// become writes a step's resource until it is as it shall be, which is at once
// unless Azure changes what it is given. It goes on from the outcome so far.
func (a *Applier) become(ctx context.Context, step *plan.Step, known *plan.Known, outcome Outcome) (Outcome, error) {
	is, etag, err := a.ARM.Get(ctx, step.ID)
	if err != nil {
		return outcome, err
	}
	for try := 0; ; try++ {
		shall, err := step.Change(is, known)
		if err != nil {
			return outcome, err
		}
		state := is.Text("properties", "provisioningState")
		if underWay(state) {
			return outcome, errUnderWay
		}
		// A write that Azure failed at is written again, as long as it was: Azure
		// then carries it out anew.
		if document.Equal(is, shall) && (state != "Failed" || is == nil) {
			if step.Learn != nil && is != nil {
				step.Learn(is, known)
			}
			return outcome, nil
		}
		if try == tries {
			return outcome, fmt.Errorf("%s was accepted by Azure, but is shown otherwise: %s", step.ID, differing(is, shall))
		}
		did, then, err := a.write(ctx, step, is, shall, etag)
		if err != nil {
			return outcome, err
		}
		if did == Kept {
			return Kept, nil
		}
		outcome, is, etag = did, then, then.Text("etag")
	}
}

// errUnderWay: Azure still works on what was written before, by a run that was
// ended, or by somebody else.
var errUnderWay = errors.New("an operation is under way")

func underWay(state string) bool {
	return slices.Contains([]string{"Creating", "Updating", "Deleting", "Migrating", "Accepted", "InProgress"}, state)
}

// write makes the resource what it shall be, and returns it as Azure shows it then.
func (a *Applier) write(ctx context.Context, step *plan.Step, is, shall document.Document, etag string) (Outcome, document.Document, error) {
	if shall == nil {
		err := a.ARM.Delete(ctx, step.ID)
		if err != nil && step.Shared != "" && errors.Is(err, account.Code(step.Shared)) {
			return Kept, nil, nil
		}
		return Deleted, nil, err
	}
	then, err := a.ARM.Put(ctx, step.ID, writable(shall), etag)
	if is == nil {
		return Created, then, err
	}
	return Changed, then, err
}

// act asks for the step's action, if there is one, unless Azure shows that it
// was carried out; without one it waits for what others do.
func (a *Applier) act(ctx context.Context, step *plan.Step, known *plan.Known) (Outcome, error) {
	done := false
	var since time.Time // Done has held since
	look := func(ctx context.Context) (bool, error) {
		is, _, err := a.ARM.Get(ctx, step.ID)
		if err != nil {
			return false, err
		}
		if is == nil {
			return false, fmt.Errorf("%s isn't there", step.ID)
		}
		now := time.Now()
		if done = step.Act.Done(is, known); !done {
			since = time.Time{}
		} else if since.IsZero() {
			since = now
		}
		done = done && now.Sub(since) >= step.Act.For
		return done || step.Act.Post != "", nil
	}
	if err := account.Await(ctx, step.Why, every, bound, look); err != nil {
		return "", err
	}
	if done {
		return Unchanged, nil
	}
	if _, err := a.ARM.Post(ctx, step.ID+"/"+step.Act.Post, step.Act.Body); err != nil {
		return "", err
	}
	if step.Act.Ready && a.Ready != nil {
		if err := a.Ready(ctx, step.ID); err != nil {
			return "", err
		}
	}
	return Done, nil
}

// again: somebody else's write came first, or is under way. What the resource is
// now is read, and the step decides anew. What passes by waiting alone has been
// tried again by the account.
func again(err error) bool {
	if errors.Is(err, errUnderWay) {
		return true
	}
	var refused *account.Error
	if !errors.As(err, &refused) {
		return false
	}
	if refused.Status == http.StatusPreconditionFailed {
		return true
	}
	return slices.ContainsFunc([]string{"AnotherOperationInProgress", "RetryableError", "OperationPreempted", "Canceled",
		"CanceledAndSupersededDueToAnotherOperation", "RetryableErrorDueToAnotherOperation", "ReferencedResourceNotProvisioned",
		"RoleDefinitionDoesNotExist"}, // a role that was just made isn't known everywhere at once
		func(code string) bool { return errors.Is(err, account.Code(code)) })
}

// readOnly are what Azure writes itself; some providers refuse it in a PUT.
var readOnly = [][]string{
	{"id"}, {"name"}, {"type"}, {"etag"}, {"systemData"}, {"resources"}, {"properties", "provisioningState"}, {"properties", "resourceGuid"},
	{"properties", "instanceView"}, {"properties", "timeCreated"}, {"properties", "vmId"},
	{"properties", "createdOn"}, {"properties", "updatedOn"}, {"properties", "createdBy"}, {"properties", "updatedBy"},
}

func writable(shall document.Document) document.Document {
	body := shall.Clone()
	for _, path := range readOnly {
		body.Delete(path...)
	}
	return body
}
