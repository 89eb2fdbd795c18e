// Package sse answers with server-sent events: messages while there are any, and
// signs of life beside them, for proxies cut what is idle for 60 s.
package sse

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// SignEvery is how often a stream says that it lives.
	SignEvery = 20 * time.Second
	// Patience is how long one message may take to be sent.
	Patience = 10 * time.Second
)

// Stream is an answer.
type Stream struct {
	mu      sync.Mutex // a message or a sign at a time
	w       io.Writer
	control *http.ResponseController
}

// Serve answers with what run sends, until it returns or the client goes.
func Serve(ctx context.Context, w http.ResponseWriter, run func(ctx context.Context, s *Stream) error) {
	s := &Stream{w: w, control: http.NewResponseController(w)}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	if s.write(":\n\n") != nil {
		return
	}
	ctx, stop := context.WithCancel(ctx)
	var beat sync.WaitGroup
	beat.Go(func() { s.beat(ctx, stop) })
	// Why it ends is the client's business: it comes back with the last id.
	_ = run(ctx, s)
	stop()
	beat.Wait() // nobody writes once the handler has returned
}

// beat sends a comment now and then, and stops the stream when nobody takes it.
func (s *Stream) beat(ctx context.Context, stop context.CancelFunc) {
	signs := time.NewTicker(SignEvery)
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

// Send sends one message; id is where a client goes on, 0: nowhere.
func (s *Stream) Send(id int64, data string) error {
	var text strings.Builder
	if id > 0 {
		text.WriteString("id: " + strconv.FormatInt(id, 10) + "\n")
	}
	for line := range strings.Lines(data) {
		text.WriteString("data: " + strings.TrimRight(line, "\r\n") + "\n")
	}
	text.WriteString("\n")
	return s.write(text.String())
}

func (s *Stream) write(text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	// Not every writer has deadlines; a test's has none.
	_ = s.control.SetWriteDeadline(time.Now().Add(Patience))
	if _, err := io.WriteString(s.w, text); err != nil {
		return err
	}
	return s.control.Flush()
}
