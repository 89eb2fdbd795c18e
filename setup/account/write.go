package account

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"releve.dev/releve/azure/arm"
	"releve.dev/releve/setup/document"
)

const (
	// pollEvery is the longest pause between two looks at an operation. Azure
	// advises 10 s and more, but has nothing against asking each second.
	pollEvery = 5 * time.Second
	// longest bounds an operation: Azure ends an extension after 90 minutes.
	longest = 100 * time.Minute
	// settle bounds what lags behind: a new role, a deleted resource's name.
	settle = 3 * time.Minute
)

// Put writes a resource and waits until Azure has carried it out. With ifMatch it
// is on the condition that nobody has changed the resource since it had that
// ETag; "*": that it exists. What it returns is the resource as it is then.
func (c *Client) Put(ctx context.Context, id string, body document.Document, ifMatch string) (document.Document, error) {
	return c.write(ctx, http.MethodPut, id, body, ifMatch)
}

// Patch changes members of a resource, such as its tags, and waits likewise.
func (c *Client) Patch(ctx context.Context, id string, body document.Document) (document.Document, error) {
	return c.write(ctx, http.MethodPatch, id, body, "")
}

func (c *Client) write(ctx context.Context, method, id string, body document.Document, ifMatch string) (document.Document, error) {
	address, err := c.address(id)
	if err != nil {
		return nil, err
	}
	accepted, err := c.ask(ctx, request{method: method, url: address, id: id, body: body.JSON(), ifMatch: ifMatch})
	if err != nil {
		return nil, err
	}
	if _, err := c.follow(ctx, method, accepted); err != nil {
		return nil, err
	}
	return c.Settled(ctx, id)
}

// Settled waits until no operation is under way on a resource, and returns it.
// One that is in a failed state is an error, with the resource.
func (c *Client) Settled(ctx context.Context, id string) (document.Document, error) {
	var is document.Document
	began := time.Now()
	err := Await(ctx, document.Short(id)+" to be ready", pollEvery, longest, func(ctx context.Context) (bool, error) {
		var err error
		if is, _, err = c.Get(ctx, id); err != nil {
			return false, err
		}
		if is == nil { // written, but not known everywhere yet
			if time.Since(began) > settle {
				return false, &Error{Status: http.StatusNotFound, Code: "ResourceNotFound", Message: "it was written, but isn't there", Method: http.MethodGet, ID: id}
			}
			return false, nil
		}
		switch state := is.Text("properties", "provisioningState"); state {
		case "Failed", "Canceled":
			return false, &Error{Status: http.StatusOK, Code: state, Message: "its provisioning state is " + state, Method: http.MethodPut, ID: id}
		default:
			return settled(state), nil
		}
	})
	return is, err
}

// settled are states after which nothing more comes. Types without one are.
func settled(state string) bool { return state == "" || state == "Succeeded" }

// Delete takes a resource away and waits until it is gone. One that isn't there
// is no error.
func (c *Client) Delete(ctx context.Context, id string) error {
	address, err := c.address(id)
	if err != nil {
		return err
	}
	accepted, err := c.ask(ctx, request{method: http.MethodDelete, url: address, id: id})
	if absent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := c.follow(ctx, http.MethodDelete, accepted); err != nil && !absent(err) {
		return err
	}
	return Await(ctx, document.Short(id)+" to be gone", pollEvery, settle, func(ctx context.Context) (bool, error) {
		is, _, err := c.Get(ctx, id)
		return is == nil && err == nil, err
	})
}

// Post asks for an action, such as id+"/restart", waits until it is done, and
// returns its result, nil if it has none.
func (c *Client) Post(ctx context.Context, path string, body document.Document) (document.Document, error) {
	address, err := c.address(path)
	if err != nil {
		return nil, err
	}
	r := request{method: http.MethodPost, url: address, id: path}
	if body != nil {
		r.body = body.JSON()
	}
	accepted, err := c.ask(ctx, r)
	if err != nil {
		return nil, err
	}
	last, err := c.follow(ctx, http.MethodPost, accepted)
	if err != nil {
		return nil, err
	}
	if last == nil { // the end couldn't be seen, but the resource shows it
		_, err := c.Settled(ctx, path[:strings.LastIndexByte(path, '/')])
		return nil, err
	}
	if len(last.body) == 0 {
		return nil, nil
	}
	result, err := last.document()
	if output := result.Object("properties", "output"); output != nil && result.Text("status") != "" {
		return output, nil // the operation's status carries it
	}
	return result, err
}

// follow waits for the operation that a write began, as ARM's asynchronous
// operations have it: by Azure-AsyncOperation, else by Location. What it returns
// is the last answer, for a POST that with the result. It is nil for a caller who
// may not read operations: the resource then shows the end.
func (c *Client) follow(ctx context.Context, method string, accepted *answer) (*answer, error) {
	last := accepted
	operation, location := accepted.header.Get("Azure-AsyncOperation"), accepted.header.Get("Location")
	if operation != "" {
		status, err := c.poll(ctx, accepted.id, operation, func(got *answer) (bool, error) { return ended(method, got) })
		if err != nil || status == nil {
			return nil, err
		}
		last = status
	}
	// A 201 has a Location, too: that of what was made.
	if location == "" || accepted.status != http.StatusAccepted || operation != "" && method != http.MethodPost {
		return last, nil
	}
	return c.poll(ctx, accepted.id, location, func(got *answer) (bool, error) { return got.status != http.StatusAccepted, nil })
}

// poll reads a link of ARM's until what it shows is the end.
func (c *Client) poll(ctx context.Context, id, link string, end func(*answer) (bool, error)) (*answer, error) {
	link, err := c.within(link)
	if err != nil {
		return nil, err
	}
	var last *answer
	err = Await(ctx, document.Short(id), pollEvery, longest, func(ctx context.Context) (bool, error) {
		got, err := c.ask(ctx, request{method: http.MethodGet, url: link, id: id})
		if unreadable(err) {
			last = nil
			return true, nil
		}
		if err != nil {
			return false, err
		}
		last = got
		return end(got)
	})
	if err != nil {
		return nil, err
	}
	return last, nil
}

// ended reads the status of an Azure-AsyncOperation.
func ended(method string, got *answer) (bool, error) {
	status, err := got.document()
	if err != nil {
		return false, err
	}
	switch state := status.Text("status"); state {
	case "Succeeded":
		return true, nil
	case "Failed", "Canceled":
		return false, failure(method, got.id, state, got.body)
	}
	return false, nil
}

// unreadable: the caller may write the resource, but not read operations at the
// subscription, or Azure has forgotten the operation. The resource tells.
func unreadable(err error) bool {
	var refused *Error
	return errors.As(err, &refused) && (refused.Status == http.StatusForbidden || refused.Status == http.StatusNotFound)
}

func failure(method, id, state string, body []byte) error {
	fault := arm.ParseFault(body)
	if fault.Code == "" {
		fault.Code = state
	}
	return &Error{Status: http.StatusOK, Code: fault.Code, Detail: fault.Detail, Message: fault.Message,
		Action: fault.Action, Scope: fault.Scope, Method: method, ID: id}
}
