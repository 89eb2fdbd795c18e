package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

const (
	// signEvery is how often a stream says that it lives: proxies cut what is
	// idle for 60 s.
	signEvery = 20 * time.Second
	// patience is how long one message may take to be sent.
	patience = 10 * time.Second
)

// stream is an answer of server-sent events.
type stream struct {
	mu      sync.Mutex // a message or a sign at a time
	w       io.Writer
	control *http.ResponseController
}

// streaming answers with what run sends, until it returns or the client goes.
// Signs of life go out beside it.
func streaming(run func(ctx context.Context, s *stream) error) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		_, w := humago.Unwrap(hc)
		s := &stream{w: w, control: http.NewResponseController(w)}
		hc.SetHeader("Content-Type", "text/event-stream")
		hc.SetHeader("X-Accel-Buffering", "no")
		hc.SetStatus(http.StatusOK)
		if s.write(":\n\n") != nil {
			return
		}
		ctx, stop := context.WithCancel(hc.Context())
		var beat sync.WaitGroup
		beat.Go(func() { s.beat(ctx, stop) })
		// Why it ends is the client's business: it comes back with the last id.
		_ = run(ctx, s)
		stop()
		beat.Wait() // nobody writes once the handler has returned
	}}
}

// beat sends a comment now and then, and stops the stream when nobody takes it.
func (s *stream) beat(ctx context.Context, stop context.CancelFunc) {
	signs := time.NewTicker(signEvery)
	defer signs.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-signs.C:
			if s.write(":\n\n") != nil {
				stop()
				return
			}
		}
	}
}

// send sends one message; id is where a client goes on, 0: nowhere.
func (s *stream) send(id int64, data any) error {
	text, err := json.Marshal(data)
	if err != nil {
		return err
	}
	if id > 0 {
		return s.write(fmt.Sprintf("id: %d\ndata: %s\n\n", id, text))
	}
	return s.write(fmt.Sprintf("data: %s\n\n", text))
}

func (s *stream) write(text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	// Not every writer has deadlines; a test's has none.
	_ = s.control.SetWriteDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(s.w, text); err != nil {
		return err
	}
	return s.control.Flush()
}
