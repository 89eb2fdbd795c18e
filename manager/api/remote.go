package api

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/fleet"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/sse"
	"releve.dev/releve/site"
)

// doorService is the vSocket's local door, as far as it serves the manager
// (vsocket/remote).
const doorService = "door"

// within is how long a vSocket has for the beginning of its answer.
const within = 15 * time.Second

func (a *API) registerRemote() {
	register(a, operation{id: "get-journal", method: http.MethodGet, path: "/sockets/{serial}/journal", tag: "sockets", action: access.SiteRead,
		summary: "Read a vSocket's journal", about: "Lines of JSON, the oldest first: what it saw, decided and called. They come from the vSocket itself, through its session with this manager."}, a.journal)
	register(a, operation{id: "restart-socket", method: http.MethodPost, path: "/sockets/{serial}/restart", tag: "sockets", action: access.SocketRestart,
		summary: "Restart a vSocket's agent", about: "It hands over first if it is Master and high availability is ready. Where nobody can take over, the traffic would be cut off: that is refused without force. " +
			"A session must have given its password within five minutes; a token must have the scope.", status: http.StatusNoContent}, a.restart)
}

func (a *API) restart(ctx context.Context, c *caller, in *struct {
	Serial
	Force bool `query:"force" doc:"Also if nobody can take over"`
}) (*nothing, error) {
	serial, err := in.parse()
	if err != nil {
		return nil, err
	}
	if err := a.Access.NeedConfirmed(c.who); err != nil {
		return nil, err
	}
	return nil, a.Restart.Restart(ctx, c.actor(), serial, in.Force)
}

func (a *API) journal(ctx context.Context, c *caller, in *struct {
	Serial
	Since  string `query:"since" doc:"Only entries from then on: 2026-11-26T03:00:00Z"`
	Follow bool   `query:"follow" doc:"Go on with entries as they come"`
}) (*huma.StreamResponse, error) {
	serial, err := in.parse()
	if err != nil {
		return nil, err
	}
	v, err := a.Inventory.VSocket(ctx, c.actor(), serial)
	if err != nil {
		return nil, err
	}
	query := url.Values{}
	if in.Since != "" {
		if _, err := time.Parse(time.RFC3339, in.Since); err != nil {
			return nil, &inventory.Refusal{Kind: inventory.Invalid, Field: "since", Message: "not a time such as 2026-11-26T03:00:00Z"}
		}
		query.Set("since", in.Since)
	}
	if in.Follow {
		query.Set("follow", "true")
	}
	answer, end, err := a.askDoor(ctx, v.Serial, "/journal?"+query.Encode())
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		defer end()
		hc.SetHeader("Content-Type", "application/jsonl")
		hc.SetHeader("X-Accel-Buffering", "no")
		_, w := humago.Unwrap(hc)
		if err := pass(hc.Context(), w, answer.Body, end); err != nil {
			_ = a.problem(hc.Context(), err) // into the log
			panic(http.ErrAbortHandler)      // what is cut short must not look whole
		}
	}}, nil
}

// askDoor makes a request at a vSocket's door. The caller calls end.
func (a *API) askDoor(ctx context.Context, serial site.Serial, path string) (_ *http.Response, end func(), err error) {
	// The answer outlives the call that begins it.
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	way := &http.Transport{DisableKeepAlives: true, ResponseHeaderTimeout: within,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return a.Fleet.Dial(ctx, serial, doorService)
		}}
	over := func() {
		cancel()
		way.CloseIdleConnections()
	}
	request, err := http.NewRequestWithContext(life, http.MethodGet, "http://vsocket"+path, nil)
	if err != nil {
		over()
		return nil, nil, err
	}
	response, err := (&http.Client{Transport: way}).Do(request)
	if err == nil && response.StatusCode == http.StatusOK {
		return response, func() { _ = response.Body.Close(); over() }, nil
	}
	over()
	if err == nil {
		_ = response.Body.Close()
		err = errors.New("it answers " + response.Status)
	}
	return nil, nil, unreached(serial, err)
}

// unreached: what a person can do about it.
func unreached(serial site.Serial, err error) error {
	r := &inventory.Refusal{Kind: inventory.NotNow, Message: "vSocket " + string(serial) + " can't be asked: " + err.Error(), Remedy: "try again"}
	if errors.Is(err, fleet.ErrAway) {
		r.Message = "vSocket " + string(serial) + " isn't connected to this manager"
		r.Remedy = "read it on the vSocket itself: releve-vsocket journal; or ask the manager that it is connected to"
	}
	return r
}

// pass copies each part as it comes, until the end, or until the client goes.
func pass(ctx context.Context, w http.ResponseWriter, from io.Reader, end func()) error {
	stop := context.AfterFunc(ctx, end)
	defer stop()
	control, buf := http.NewResponseController(w), make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			_ = control.SetWriteDeadline(time.Now().Add(sse.Patience)) // a test's writer has none
			if _, err := w.Write(buf[:n]); err != nil {
				return nil // the client has gone
			}
			_ = control.Flush()
		}
		switch {
		case errors.Is(err, io.EOF) || ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
	}
}
