package webui

import (
	"bytes"
	"net/http"
	"time"

	"github.com/a-h/templ"

	"releve.dev/releve/vsocket/webui/pages"
)

// pace is how often a live page looks; a role's change is seen within it.
const pace = 500 * time.Millisecond

// patience is how long a browser may take to take what it is sent.
const patience = 15 * time.Second

// stream sends parts of a page as server-sent events (HTML, 9.2), each only if it
// differs from the one before.
type stream struct {
	*visit
	last []byte
	out  *http.ResponseController
}

// live is what changes by itself; it doesn't keep a session alive.
func (u *UI) live(pattern string, feed func(*visit, *stream) error) {
	u.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		select {
		case u.streams <- struct{}{}:
			defer func() { <-u.streams }()
		default:
			http.Error(w, "too many pages are open", http.StatusServiceUnavailable)
			return
		}
		v := u.visit(w, r, false)
		s := &stream{visit: v, out: http.NewResponseController(w)}
		h := w.Header()
		h.Set("Content-Type", "text/event-stream")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Accel-Buffering", "no")
		if v.secret == "" {
			_ = s.signedOut()
			return
		}
		if err := feed(v, s); err != nil && r.Context().Err() == nil {
			v.Log.Debug("a live page ended", "path", r.URL.Path, "reason", err)
		}
	})
}

func (s *stream) signedOut() error {
	if err := s.send(pages.SignedOut(s.frame)); err != nil {
		return err
	}
	return s.end()
}

// alive: the session may have ended meanwhile.
func (s *stream) alive() bool { return s.Door.Session(s.secret, false) }

func (s *stream) send(part templ.Component) error {
	var text bytes.Buffer
	if err := part.Render(s.ctx(), &text); err != nil {
		return err
	}
	if bytes.Equal(text.Bytes(), s.last) {
		return nil
	}
	s.last = text.Bytes()
	var event bytes.Buffer
	for line := range bytes.Lines(text.Bytes()) {
		event.WriteString("data: ")
		event.Write(bytes.TrimRight(line, "\r\n"))
		event.WriteByte('\n')
	}
	event.WriteByte('\n')
	return s.write(event.Bytes())
}

// end tells the browser not to come back.
func (s *stream) end() error { return s.write([]byte("event: end\ndata: end\n\n")) }

func (s *stream) write(b []byte) error {
	_ = s.out.SetWriteDeadline(time.Now().Add(patience)) // a test's writer has none
	if _, err := s.w.Write(b); err != nil {
		return err
	}
	return s.out.Flush()
}

// each calls look at once and at every pace, until the browser goes or look ends it.
func (s *stream) each(look func() (more bool, err error)) error {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for {
		if !s.alive() {
			return s.signedOut()
		}
		if more, err := look(); err != nil || !more {
			return err
		}
		select {
		case <-tick.C:
		case <-s.ctx().Done():
			return nil
		case <-s.life.Done():
			return nil
		}
	}
}
