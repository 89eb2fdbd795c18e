package fleet

import (
	"context"
	"errors"
	"net"

	"releve.dev/releve/site"
)

// ErrAway: the device isn't connected to this manager.
var ErrAway = errors.New("the vSocket isn't connected to this manager")

// Dial opens a byte stream to a service of a device, through its session: the
// device never listens for anybody. It ends with the session.
func (f *Fleet) Dial(ctx context.Context, serial site.Serial, service string) (net.Conn, error) {
	f.mu.Lock()
	d := f.devices[serial]
	var s *session
	if d != nil {
		s = d.session
	}
	f.mu.Unlock()
	if s == nil {
		return nil, ErrAway
	}
	return s.streams.Open(ctx, service)
}
