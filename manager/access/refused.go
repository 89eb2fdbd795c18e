package access

import (
	"context"
	"fmt"
	"sync"
	"time"

	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/store/query"
)

// An account's audit log takes this many refusals at once, then one each
// interval: whoever tries without end doesn't fill the disk. What is left out is
// counted in the next.
const (
	refusalsAtOnce = 60
	refusalEach    = time.Minute
)

// refused is what a refusal's row has.
type refused struct {
	Reason  string `json:"reason"`
	Asked   string `json:"asked,omitempty"`    // the operation
	From    string `json:"from,omitempty"`     // the address
	LeftOut int    `json:"left_out,omitempty"` // refusals since the row before that have none
}

// quota says which refusals have a row. It is this process's own.
type quota struct {
	now  func() time.Time
	mu   sync.Mutex
	full map[string]time.Time // when an account may have all at once again
	left map[string]int
}

func newQuota(now func() time.Time) *quota {
	return &quota{now: now, full: map[string]time.Time{}, left: map[string]int{}}
}

// take counts a refusal of an account. leftOut are those before that have no row.
func (q *quota) take(account string) (leftOut int, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	if q.full[account].Add(-(refusalsAtOnce - 1) * refusalEach).After(now) {
		q.left[account]++
		return 0, false
	}
	q.full[account] = later(q.full[account], now).Add(refusalEach)
	leftOut = q.left[account]
	delete(q.left, account)
	return leftOut, true
}

// auditRefusal writes a row of something that was refused, if the quota has room.
// Logins have their own, so that they can't hide what people tried who are in.
func (s *Service) auditRefusal(ctx context.Context, by inventory.Actor, action, target string, why refused) error {
	leftOut, ok := s.refusals.take(action + " " + by.Account)
	if !ok {
		return nil
	}
	why.LeftOut = leftOut
	err := s.store.InTx(ctx, func(q *query.Queries) error { return s.audit(ctx, q, by, action, target, nil, why) })
	if err != nil {
		return fmt.Errorf("noting a refusal: %w", err)
	}
	return nil
}

// Refuse makes the refusal of an action that somebody may not do, and a row of
// the audit log. asked names what they asked for.
func (s *Service) Refuse(ctx context.Context, w *Who, a Action, asked, from, request string) error {
	r := &inventory.Refusal{Kind: Forbidden, Message: fmt.Sprintf("%s is %s, who may not do %s", w.Name, w.Role, a),
		Remedy: "ask an owner of the account for another role"}
	if Can(w.Role, a) {
		r.Message = fmt.Sprintf("the token's scopes don't name %s", a)
		r.Remedy = "make a token that has it: releve token create --scope " + string(a)
	}
	if err := s.auditRefusal(ctx, w.Actor(request), "action.refuse", string(a), refused{Reason: r.Message, Asked: asked, From: from}); err != nil {
		return err
	}
	return r
}
