package account

import (
	"context"
	"crypto/x509"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"releve.dev/releve/azure/arm"
)

const (
	// mostTries bounds the times that a request is sent; the pauses between them
	// add up to some two minutes if Azure names none.
	mostTries = 8
	// mostLost bounds those that got no answer at all.
	mostLost   = 4
	firstPause = time.Second
	mostPause  = 30 * time.Second
)

// ask sends a request until it is answered for good: throttling, an operation
// under way on the same resource and Azure's own trouble are waited for, as long
// as Azure says.
func (c *Client) ask(ctx context.Context, r request) (*answer, error) {
	lost := 0
	for try := 1; ; try++ {
		answer, err := c.once(ctx, r)
		if err == nil {
			return answer, nil
		}
		var refused *Error
		var unanswered *lostError
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.As(err, &refused) && refused.passes(r.method) && try < mostTries:
		case errors.As(err, &unanswered) && r.method != http.MethodPost && lost < mostLost-1:
			lost++
		default:
			return nil, err
		}
		if err := c.hold(ctx, err, try); err != nil {
			return nil, err
		}
	}
}

// hold waits before the next try, visibly.
func (c *Client) hold(ctx context.Context, why error, try int) error {
	wait := min(firstPause<<(try-1), mostPause)
	var refused *Error
	if errors.As(why, &refused) && refused.RetryAfter > 0 {
		wait = refused.RetryAfter
	}
	// A little more than asked, and not all at once: others were told the same.
	wait += time.Duration(rand.Int64N(int64(wait)/4 + 1))
	progress(ctx).Waiting(briefly(why), 0)
	return pause(ctx, wait)
}

// briefly says what is waited for.
func briefly(err error) string {
	var refused *Error
	if errors.As(err, &refused) {
		return "Azure answers " + refused.Code + "; trying again"
	}
	return "Azure doesn't answer; trying again"
}

func (c *Client) once(ctx context.Context, r request) (*answer, error) {
	prepared, err := c.prepare(ctx, r)
	if err != nil {
		return nil, err
	}
	got, err := c.pipeline.Do(prepared)
	if err != nil {
		return nil, unanswered(err, r)
	}
	body, err := runtime.Payload(got)
	if err != nil {
		return nil, &lostError{r, err}
	}
	if got.StatusCode >= 200 && got.StatusCode < 300 {
		return &answer{id: r.id, status: got.StatusCode, header: got.Header, body: body}, nil
	}
	fault := arm.ReadFault(got, body)
	return nil, &Error{
		Status: got.StatusCode, Code: fault.Code, Detail: fault.Detail, Message: fault.Message, Action: fault.Action, Scope: fault.Scope,
		RetryAfter: arm.RetryAfter(got.Header, fault.Message), Method: r.method, ID: r.id,
	}
}

// unanswered tells a missing token and a certificate that isn't trusted, which
// no second try mends, from an answer that may have been lost.
func unanswered(err error, r request) error {
	var signIn *SignInError
	if errors.As(err, &signIn) {
		return signIn
	}
	var plain *url.Error
	if errors.As(err, &plain) {
		err = plain.Err
	}
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	if errors.As(err, &authority) || errors.As(err, &name) {
		return &certificateError{err}
	}
	return &lostError{r, err}
}
