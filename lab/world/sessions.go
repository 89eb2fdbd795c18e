package world

import (
	"fmt"
	"net"
	"time"

	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/lab/report"
	"releve.dev/releve/lab/sessions"
)

// dialTime bounds the opening of one connection: the site is at rest then.
const dialTime = 10 * time.Second

// OpenSessions opens TCP connections from vm1 to the Internet host, which Finish
// ends. What becomes of them is measured from when they were opened.
func (w *World) OpenSessions(plan sessions.Plan) error {
	vm1, err := w.Host(VM1)
	if err != nil {
		return err
	}
	far, err := w.Host(Internet)
	if err != nil {
		return err
	}
	address := net.JoinHostPort(azuresite.InternetAddr.String(), fmt.Sprint(sessions.Port))
	listener, err := far.Listen(address)
	if err != nil {
		return fmt.Errorf("listen for TCP sessions on the Internet: %w", err)
	}
	opened, err := sessions.Start(func() (net.Conn, error) { return vm1.Dial(address, dialTime) }, listener, plan)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sessions = opened
	return nil
}

// Sessions are those that were opened, nil if none were.
func (w *World) Sessions() *sessions.Sessions {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sessions
}

// finishSessions ends them, and adds what became of them.
func (w *World) finishSessions(f *report.Facts) {
	if opened := w.Sessions(); opened != nil {
		result := opened.Finish()
		f.Sessions = &result
	}
}
