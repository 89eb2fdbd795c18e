package account

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"releve.dev/releve/setup/document"
)

// script answers requests one after the other.
type script struct {
	t       *testing.T
	answers []scripted
	asked   []string
	at      []time.Duration
	began   time.Time
}

type scripted struct {
	status int
	header map[string]string
	body   string
	lost   bool
}

func (s *script) Do(r *http.Request) (*http.Response, error) {
	if s.began.IsZero() {
		s.began = time.Now()
	}
	s.asked = append(s.asked, r.Method+" "+r.URL.Path)
	s.at = append(s.at, time.Since(s.began))
	if len(s.answers) == 0 {
		s.t.Fatalf("asked once more: %s %s", r.Method, r.URL)
	}
	a := s.answers[0]
	s.answers = s.answers[1:]
	if a.lost {
		return nil, io.ErrUnexpectedEOF
	}
	header := http.Header{}
	for name, value := range a.header {
		header.Set(name, value)
	}
	return &http.Response{StatusCode: a.status, Header: header, Request: r, Body: io.NopCloser(bytes.NewReader([]byte(a.body)))}, nil
}

func scriptedClient(t *testing.T, answers ...scripted) (*script, *Client) {
	t.Helper()
	s := &script{t: t, answers: answers}
	c, err := New(Config{Endpoint: "https://arm.test", Credential: token("x"), Transport: s})
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}

const (
	ready = `{"name":"lan1","etag":"W/\"2\"","properties":{"provisioningState":"Succeeded"}}`
	busy  = `{"name":"lan1","properties":{"provisioningState":"Updating"}}`
)

func fault(code string) string { return `{"error":{"code":"` + code + `","message":"because"}}` }

func TestAskingAgain(t *testing.T) {
	cases := []struct {
		name    string
		do      func(context.Context, *Client) error
		answers []scripted
		least   time.Duration // at least waited
		want    string        // in the error; "": none
	}{
		{"throttled, as long as Azure says", put,
			[]scripted{{status: 429, header: map[string]string{"Retry-After": "17"}, body: fault("TooManyRequests")}, {status: 200, body: ready}, {status: 200, body: ready}}, 17 * time.Second, ""},
		{"Azure's own trouble", put, []scripted{{status: 503, body: fault("ServiceUnavailable")}, {status: 502, body: "<html>"}, {status: 200, body: ready}, {status: 200, body: ready}}, 3 * time.Second, ""},
		{"no answer", put, []scripted{{lost: true}, {lost: true}, {status: 200, body: ready}, {status: 200, body: ready}}, 3 * time.Second, ""},
		{"never an answer", put, []scripted{{lost: true}, {lost: true}, {lost: true}, {lost: true}}, 7 * time.Second, "no answer from Azure"},
		{"a conflict is somebody else's to decide", put, []scripted{{status: 412, body: fault("PreconditionFailed")}}, 0, "PreconditionFailed"},
		{"an action that may have begun", restart, []scripted{{lost: true}}, 0, "no answer from Azure"},
		{"an action that was throttled", restart, []scripted{{status: 429, body: fault("TooManyRequests")}, {status: 200}}, time.Second, ""},
		{"a gateway's 404 is no absent resource", get, []scripted{{status: 404, body: "<html>"}}, 0, "BadAnswer"},
		{"no subscription is no absent resource", get, []scripted{{status: 404, body: fault("SubscriptionNotFound")}}, 0, "--subscription"},
		{"a portal's page", get, []scripted{{status: 200, body: "<html>"}}, 0, "proxy or portal"},
		{"a list that goes on elsewhere", list, []scripted{{status: 200, body: `{"value":[],"nextLink":"https://evil.test/x"}`}}, 0, "another host"},
		{"a list of two pages", list, []scripted{{status: 200, body: `{"value":[{}],"nextLink":"https://arm.test/subscriptions/s/x?y=z"}`}, {status: 200, body: `{"value":[{}]}`}}, 0, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, client := scriptedClient(t, c.answers...)
				began := time.Now()
				err := c.do(t.Context(), client)
				if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
					t.Errorf("error %v, want %q", err, c.want)
				}
				if waited := time.Since(began); waited < c.least || waited > 2*c.least+time.Second {
					t.Errorf("waited %s, want some %s", waited, c.least)
				}
				if len(s.answers) > 0 {
					t.Errorf("%d answers weren't asked for; asked %q", len(s.answers), s.asked)
				}
			})
		})
	}
}

func put(ctx context.Context, c *Client) error {
	_, err := c.Put(ctx, nic, document.Must(`{}`), "")
	return err
}

func get(ctx context.Context, c *Client) error {
	_, _, err := c.Get(ctx, nic)
	return err
}

func list(ctx context.Context, c *Client) error {
	_, err := c.List(ctx, "/subscriptions/s/providers/Microsoft.Network/networkInterfaces")
	return err
}

func restart(ctx context.Context, c *Client) error {
	_, err := c.Post(ctx, "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/v/restart", nil)
	return err
}

func TestOperationsAreFollowedToTheirEnd(t *testing.T) {
	async := map[string]string{"Azure-AsyncOperation": "https://arm.test/op?api-version=1", "Retry-After": "10"}
	both := map[string]string{"Azure-AsyncOperation": "https://arm.test/op?api-version=1", "Location": "https://arm.test/result?api-version=1"}
	running, over := scripted{status: 200, body: `{"status":"InProgress"}`}, scripted{status: 200, body: `{"status":"Succeeded"}`}
	cases := []struct {
		name    string
		do      func(context.Context, *Client) error
		answers []scripted
		want    string
	}{
		{"by its status", put, []scripted{{status: 200, header: async, body: ready}, running, running, over, {status: 200, body: ready}}, ""},
		{"its end isn't believed alone", put, []scripted{{status: 201, header: async, body: busy}, over, {status: 200, body: busy}, {status: 200, body: ready}}, ""},
		{"what was written isn't known everywhere yet", put, []scripted{{status: 201, body: ready}, {status: 404, body: fault("ResourceNotFound")}, {status: 200, body: ready}}, ""},
		{"it fails", put, []scripted{{status: 200, header: async, body: busy}, {status: 200, body: `{"status":"Failed","error":{"code":"AnotherOperationInProgress","message":"x"}}`}}, "AnotherOperationInProgress"},
		{"by a caller who may not read operations", put, []scripted{{status: 200, header: async, body: busy}, {status: 403, body: fault("AuthorizationFailed")}, {status: 200, body: busy}, {status: 200, body: ready}}, ""},
		{"which leaves the resource failed", put, []scripted{{status: 200, header: async, body: busy}, over, {status: 200, body: `{"properties":{"provisioningState":"Failed"}}`}}, "provisioning state is Failed"},
		{"at another host", put, []scripted{{status: 200, header: map[string]string{"Azure-AsyncOperation": "https://evil.test/op"}, body: busy}}, "another host"},
		{"an action's, with its result", run, []scripted{{status: 202, header: both}, running, over, {status: 202}, {status: 200, body: `{"value":[{"message":"hello"}]}`}}, "hello"},
		{"an action's, whose status has the result", run, []scripted{{status: 202, header: async}, {status: 200, body: `{"status":"Succeeded","properties":{"output":{"value":[{"message":"hello"}]}}}`}}, "hello"},
		{"an action's, unseen", restart, []scripted{{status: 202, header: async}, {status: 403, body: fault("AuthorizationFailed")}, {status: 200, body: busy}, {status: 200, body: ready}}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, client := scriptedClient(t, c.answers...)
				err := c.do(t.Context(), client)
				if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
					t.Errorf("error %v, want %q", err, c.want)
				}
				if len(s.answers) > 0 {
					t.Errorf("%d answers weren't asked for; asked %q", len(s.answers), s.asked)
				}
			})
		})
	}
}

// run tells the result of a run command as an error, for the table.
func run(ctx context.Context, c *Client) error {
	is, err := c.Post(ctx, "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/v/runCommand", document.Must(`{"commandId":"RunShellScript"}`))
	if err != nil {
		return err
	}
	return errors.New(string(is.JSON()))
}

type noted []string

func (n *noted) Waiting(what string, _ time.Duration) { *n = append(*n, what) }

func TestAwaitIsBoundShownAndEndedByThePerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var shown noted
		ctx := WithProgress(t.Context(), &shown)
		looks, began := 0, time.Now()
		err := Await(ctx, "a thing", 10*time.Second, time.Minute, func(context.Context) (bool, error) { looks++; return false, nil })
		var overdue *OverdueError
		if !errors.As(err, &overdue) || time.Since(began) != time.Minute || looks < 10 || len(shown) != looks-1 {
			t.Errorf("%v after %s and %d looks, %d shown", err, time.Since(began), looks, len(shown))
		}
		ended, cancel := context.WithCancel(t.Context())
		err = Await(ended, "a thing", 10*time.Second, time.Minute, func(context.Context) (bool, error) { cancel(); return false, nil })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("ended by the person: %v", err)
		}
	})
}
