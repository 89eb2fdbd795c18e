// Package restart has a vSocket's agent end cleanly and begin anew, through the
// vSocket's own session with this manager: nothing else of it is touched, and no
// inbound path is needed. An agent that is Master hands over first if it can, so a
// restart cuts the traffic off only where nobody can take over; that is refused unless
// it is wanted all the same.
package restart

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"releve.dev/releve/manager/fleet"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/status"
	"releve.dev/releve/site"
)

// Fleet reaches vSockets; *fleet.Fleet is one.
type Fleet interface {
	Dial(ctx context.Context, serial site.Serial, service string) (net.Conn, error)
}

// Status is each site's; *presence.Service has it.
type Status interface {
	Site(ctx context.Context, account, id string) (status.Site, error)
}

// Service restarts vSockets.
type Service struct {
	Inventory *inventory.Service
	Status    Status
	Fleet     Fleet
}

const (
	door   = "door" // the vSocket's service (vsocket/remote)
	within = 15 * time.Second
)

// Cuts says why a restart would cut the site's traffic off, and so has to be forced;
// "": it wouldn't.
func Cuts(now status.Site, serial site.Serial) string {
	peer := now.Secondary
	if peer != nil && peer.Serial == string(serial) {
		peer = &now.Primary
	}
	switch {
	case now.HA != nil && now.HA.Ready, peer != nil && peer.Master && peer.Connection == status.Up:
		return ""
	case peer == nil:
		return "the site has no other vSocket"
	case now.HA == nil:
		return "high availability is not set up"
	}
	for _, i := range now.HA.Indicators {
		if !i.OK {
			return "high availability is not ready: " + i.Reason
		}
	}
	return "high availability is not ready"
}

// Restart returns once the agent has taken the order. A row of the audit log says who
// gave it, before it is given.
func (s *Service) Restart(ctx context.Context, by inventory.Actor, serial site.Serial, force bool) error {
	v, err := s.Inventory.VSocket(ctx, by, serial)
	if err != nil {
		return err
	}
	if v.State != inventory.StateRegistered {
		return &inventory.Refusal{Kind: inventory.NotNow, Message: fmt.Sprintf("vSocket %s has not enrolled, or is void", serial)}
	}
	now, err := s.Status.Site(ctx, by.Account, v.Site)
	if err != nil {
		return err
	}
	if why := Cuts(now, serial); why != "" && !force {
		return &inventory.Refusal{Kind: inventory.NotNow, Field: "force", Message: "the restart would cut the site's traffic off: " + why,
			Remedy: "wait until high availability is ready, or restart it all the same with force"}
	}
	conn, err := s.Fleet.Dial(ctx, serial, door)
	if err != nil {
		return unreached(serial, err)
	}
	defer conn.Close()
	if err := s.Inventory.Ordered(ctx, by, "socket.restart", string(serial), map[string]bool{"force": force}); err != nil {
		return err
	}
	if err := order(ctx, conn); err != nil {
		return unreached(serial, err)
	}
	return nil
}

// order gives it over a stream to the door.
func order(ctx context.Context, conn net.Conn) error {
	way := &http.Transport{DisableKeepAlives: true, ResponseHeaderTimeout: within,
		DialContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil }}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://vsocket/restart", http.NoBody)
	if err != nil {
		return err
	}
	answer, err := (&http.Client{Transport: way}).Do(request)
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<10))
	_ = answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusNoContent:
		return nil
	case http.StatusNotFound:
		return errors.New("its release knows no restart")
	}
	return errors.New("it answers " + answer.Status)
}

func unreached(serial site.Serial, err error) error {
	r := &inventory.Refusal{Kind: inventory.NotNow, Message: fmt.Sprintf("vSocket %s can't be restarted: %s", serial, err), Remedy: "try again"}
	if errors.Is(err, fleet.ErrAway) {
		r.Message = fmt.Sprintf("vSocket %s isn't connected to this manager", serial)
		r.Remedy = "restart it on the vSocket itself: systemctl restart releve-vsocket"
	}
	return r
}
