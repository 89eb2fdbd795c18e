package apitest

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"releve.dev/releve/core/steer"
	"releve.dev/releve/doctor"
)

// write puts the own NIC's body back as it was just read, if nobody has
// changed it meanwhile. For a human's eyes the NIC is the same before and
// after; for ARM it is a write with everything that a takeover needs.
func (t *test) write(ctx context.Context) Step {
	if t.Busy != nil {
		if why := t.Busy(); why != "" {
			return Step{Result: Skipped, Detail: "not written: " + why, Hints: []string{"run the test again once that is over"}}
		}
	}
	read := t.ARM.Do(ctx, steer.Request{Op: steer.Get, Target: steer.OwnNIC, Timeout: readTimeout})
	if !read.OK() {
		return t.refused(read, t.ARM.ID(steer.OwnNIC))
	}
	own, err := parseNIC(read.Body)
	if err != nil {
		return Step{Result: Failed, Detail: err.Error(), Problem: ProblemNIC}
	}
	if own.State != "Succeeded" {
		return Step{Result: Skipped, Detail: fmt.Sprintf("not written: Azure is changing the NIC (state %s)", own.State),
			Hints: []string{"run the test again once that is over"}}
	}
	t.before = read.Body
	written := t.ARM.Do(ctx, steer.Request{Op: steer.Put, Target: steer.OwnNIC, Body: read.Body, IfMatch: own.ETag,
		Timeout: writeTimeout, Why: "API test: unchanged body"})
	switch {
	case written.OK():
		return Step{Result: OK, Detail: "accepted by Azure"}
	case written.Status == http.StatusPreconditionFailed:
		return Step{Result: Skipped, Detail: "not written: somebody has changed the NIC at the same moment",
			Hints: []string{"run the test again"}}
	case written.Status == http.StatusTooManyRequests:
		return Step{Result: Skipped, Detail: "not written: Azure is busy with the NIC or wants fewer requests (" + written.Code + ")",
			Hints: []string{"run the test again in a minute"}}
	}
	return t.refused(written, t.ARM.ID(steer.OwnNIC))
}

// verify waits until Azure has done the write, and compares.
func (t *test) verify(ctx context.Context) Step {
	deadline := time.Now().Add(settleTimeout)
	for {
		read := t.ARM.Do(ctx, steer.Request{Op: steer.Get, Target: steer.OwnNIC, Timeout: readTimeout})
		if !read.OK() && (read.Status != http.StatusTooManyRequests || time.Now().After(deadline)) {
			return t.refused(read, t.ARM.ID(steer.OwnNIC))
		}
		own, err := parseNIC(read.Body)
		switch {
		case read.OK() && err != nil:
			return Step{Result: Failed, Detail: err.Error(), Problem: ProblemNIC}
		case read.OK() && own.State != "Updating":
			return t.compared(own, read.Body)
		case time.Now().After(deadline):
			return Step{Result: Failed, Detail: fmt.Sprintf("Azure has not done the write within %s", settleTimeout), Problem: ProblemNIC,
				Hints: []string{"look at the NIC's provisioning state and at the activity log of its resource group"}}
		}
		select {
		case <-time.After(max(t.Pause, read.RetryAfter)):
		case <-ctx.Done():
			return Step{}
		}
	}
}

func (t *test) compared(own *doctor.NIC, after []byte) Step {
	paths, err := differences(t.before, after)
	switch {
	case err != nil:
		return Step{Result: Failed, Detail: err.Error(), Problem: ProblemNIC}
	case own.State != "Succeeded":
		return Step{Result: Failed, Detail: "the write ended in the state " + own.State, Problem: ProblemNIC,
			Hints: []string{"the activity log of the NIC's resource group names the reason"}}
	case len(paths) > 0:
		return Step{Result: Failed, Detail: "these differ: " + strings.Join(paths, ", "), Problem: ProblemNIC,
			Hints: []string{"a takeover or a person may have changed the NIC at the same time; if nobody has, report this"}}
	}
	return Step{Result: OK, Detail: "the NIC is as it was before"}
}
