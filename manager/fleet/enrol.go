package fleet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"connectrpc.com/connect"

	"releve.dev/releve/channel"
	"releve.dev/releve/manager/authority"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/site"
)

var _ channel.ChannelHandler = (*Fleet)(nil)

// sameAnswer is how long a device that has lost the reply gets the same one.
const sameAnswer = 10 * time.Minute

// Enrol turns a one-time secret into a certificate. Each way to be refused has its
// own reason; guessing is limited by address and by serial number.
func (f *Fleet) Enrol(ctx context.Context, r *connect.Request[channel.EnrolRequest]) (*connect.Response[channel.EnrolResponse], error) {
	remote, now := r.Peer().Addr, time.Now()
	serial, secret, request, err := f.checkEnrol(r.Msg, host(remote), now)
	if err != nil {
		return nil, err
	}
	// The inventory looks first whether the serial number is void: it knows it,
	// whichever manager has voided it.
	if _, err := f.c.Inventory.Redeem(ctx, serial, secret, request.KeyHash()); err != nil {
		f.c.Log.Info("enrolment refused", "serial", serial, "remote", remote, "error", err)
		return nil, f.refusedEnrol(serial, remote, err)
	}
	chain, err := f.sign(serial, request, now)
	if err != nil {
		f.c.Log.Error("can't sign", "serial", serial, "error", err)
		return nil, connect.NewError(connect.CodeInternal, errors.New("the manager can't sign"))
	}
	f.c.Log.Info("enrolled", "serial", serial, "remote", remote)
	return connect.NewResponse(&channel.EnrolResponse{Chain: chain}), nil
}

func host(remote string) string {
	if name, _, err := net.SplitHostPort(remote); err == nil {
		return name
	}
	return remote
}

func (f *Fleet) checkEnrol(m *channel.EnrolRequest, remote string, now time.Time) (serial site.Serial, secret [20]byte, request authority.Request, err error) {
	if !f.remotes.allow(remote, now) {
		return "", secret, request, channel.Refuse(channel.Refusal_BUSY, "too many enrolments from "+remote+"; try again in a minute")
	}
	malformed := func(err error) error { return channel.Refuse(channel.Refusal_MALFORMED, err.Error()) }
	if serial, err = site.ParseSerial(m.Serial); err != nil {
		return "", secret, request, malformed(err)
	}
	if len(m.Secret) != len(secret) {
		return "", secret, request, malformed(fmt.Errorf("a secret of %d bytes instead of %d", len(m.Secret), len(secret)))
	}
	if request, err = authority.ReadRequest(m.Request); err != nil {
		return "", secret, request, malformed(err)
	}
	if !f.serials.allow(string(serial), now) {
		return "", secret, request, channel.Refuse(channel.Refusal_BUSY, fmt.Sprintf("too many enrolments of %s; try again in a minute", serial))
	}
	return serial, [20]byte(m.Secret), request, nil
}

// reasons are the inventory's refusals as a device is told.
var reasons = map[inventory.Kind]channel.Refusal_Reason{
	inventory.Unknown: channel.Refusal_UNKNOWN,
	inventory.BadKey:  channel.Refusal_WRONG_SECRET,
	inventory.Expired: channel.Refusal_EXPIRED,
	inventory.Used:    channel.Refusal_USED,
	inventory.Void:    channel.Refusal_VOID,
}

// refused makes what a device is told of an error of the inventory.
func (f *Fleet) refused(err error) error {
	var refusal *inventory.Refusal
	if errors.As(err, &refusal) && reasons[refusal.Kind] != 0 {
		return channel.Refuse(reasons[refusal.Kind], refusal.Error())
	}
	return connect.NewError(connect.CodeUnavailable, errors.New("the manager can't look it up now"))
}

func (f *Fleet) refusedEnrol(serial site.Serial, remote string, err error) error {
	told := f.refused(err)
	switch channel.ReasonOf(told) {
	case channel.Refusal_VOID:
		f.tell(serial, VoidTried, remote, "wanted to enrol")
	case channel.Refusal_USED:
		f.tell(serial, UsedTried, remote, "wanted to enrol")
	}
	return told
}

func (f *Fleet) tell(serial site.Serial, kind IncidentKind, remote, detail string) {
	f.c.Incident(Incident{At: time.Now(), Serial: serial, Kind: kind, Remote: remote, Detail: detail})
}

// answers are the certificates that were given lately.
type answers struct {
	mu    sync.Mutex
	given map[site.Serial]answer
}

type answer struct {
	keyHash string
	at      time.Time
	chain   [][]byte
}

// sign gives a key that has just had a certificate the same one.
func (f *Fleet) sign(serial site.Serial, r authority.Request, now time.Time) ([][]byte, error) {
	a := &f.answers
	a.mu.Lock()
	defer a.mu.Unlock()
	for s, old := range a.given {
		if now.Sub(old.at) > sameAnswer {
			delete(a.given, s)
		}
	}
	if old, is := a.given[serial]; is && old.keyHash == r.KeyHash() {
		return old.chain, nil
	}
	chain, err := f.c.Authority.Device(serial, r, now)
	if err != nil {
		return nil, err
	}
	if a.given == nil {
		a.given = map[site.Serial]answer{}
	}
	a.given[serial] = answer{r.KeyHash(), now, chain}
	return chain, nil
}
