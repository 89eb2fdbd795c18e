package examine

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"releve.dev/releve/azure/imds"
	"releve.dev/releve/core/steer"
	"releve.dev/releve/doctor"
)

const askTimeout = 8 * time.Second

// token asks the metadata service for one, and reads whose it is.
func (l *look) token(ctx context.Context) {
	if l.Metadata == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	t := &l.guest.Token
	token, err := l.Metadata.FetchToken(ctx)
	if err != nil {
		t.Problem, t.Detail = problem(err), err.Error()
		return
	}
	t.OK, t.ClientID, t.Tenant = true, token.ClientID, tenant(token.Value)
}

func problem(err error) string {
	for _, known := range []struct {
		err  error
		name string
	}{{imds.ErrUnreachable, "unreachable"}, {imds.ErrIdentity, "identity"}, {imds.ErrBusy, "busy"}} {
		if errors.Is(err, known.err) {
			return known.name
		}
	}
	return "answer"
}

// tenant is a token's. Its signature is Azure's to check.
func tenant(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	var claims struct {
		TID string `json:"tid"`
	}
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		return ""
	}
	return claims.TID
}

// rights asks ARM what the identity may do where a move of the floating IP needs
// it (C4). Which resources these are, the two NICs tell.
func (l *look) rights(ctx context.Context) {
	if l.ARM == nil {
		return
	}
	facts := &doctor.Facts{}
	for i, target := range []steer.Target{steer.OwnNIC, steer.PeerNIC} {
		id := l.ARM.ID(target)
		facts.Members[i].LAN = &doctor.NIC{ID: id, Configs: []doctor.IPConfig{{Subnet: l.Subnet}}}
		answer := l.ARM.Do(ctx, steer.Request{Op: steer.Get, Target: target, Timeout: askTimeout})
		if !answer.OK() {
			l.refused(answer, "the NIC "+id)
			continue
		}
		nic, err := doctor.ParseNIC(answer.Body)
		if err != nil {
			l.unseen("the NIC "+id, err)
			continue
		}
		facts.Members[i].LAN = nic
	}
	for _, need := range doctor.IdentityNeeds(facts) {
		granted, answer := l.ARM.Permissions(ctx, need.Scope, askTimeout)
		if !answer.OK() {
			answer.Action = "" // what it takes to list rights isn't what a move needs
			l.refused(answer, "the rights on "+need.Scope)
			continue
		}
		for _, action := range need.Actions {
			if !granted.Allows(action) {
				l.missing(action, need.Scope)
			}
		}
	}
}

// refused tells what a refusal says is missing; without a token or an answer the
// reason is found elsewhere.
func (l *look) refused(r steer.Response, what string) {
	switch {
	case r.Status == http.StatusForbidden && r.Action != "":
		l.missing(r.Action, r.Scope)
	case r.Status == 0 || r.Code == steer.NoToken:
	default:
		l.unseen(what, fmt.Errorf("%s: %s", r.Code, r.Message))
	}
}

func (l *look) missing(action, scope string) {
	for _, m := range l.guest.Missing {
		if strings.EqualFold(m.Action, action) && strings.EqualFold(m.Scope, scope) {
			return
		}
	}
	l.guest.Missing = append(l.guest.Missing, doctor.Missing{Action: action, Scope: scope})
}
