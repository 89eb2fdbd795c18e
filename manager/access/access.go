// Package access is who somebody is and what they may do: the people of an
// account, their passwords and one-time codes, sessions and tokens, and the one
// table of what each role may do (E11).
//
// A secret is shown once, when it is made; the database has its hash alone. All
// changes have their audit row in the same transaction.
package access

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/store"
	"releve.dev/releve/manager/store/query"
	secret "releve.dev/releve/password"
)

// Lifetimes. A session ends earlier when it isn't used.
const (
	SessionLife  = 24 * time.Hour
	SessionIdle  = 2 * time.Hour
	ConfirmLife  = 5 * time.Minute // how long it counts that somebody showed who they are
	CodeLife     = 24 * time.Hour
	TokenLife    = 90 * 24 * time.Hour
	TokenLongest = 366 * 24 * time.Hour
	// A use is noted at most this often, so that reading writes little.
	noteEach = time.Minute
)

// Kinds of refusals besides inventory's.
const (
	Unauthenticated inventory.Kind = "unauthenticated" // nobody whom the manager knows
	Forbidden       inventory.Kind = "forbidden"       // their role or scopes don't allow it
	Unconfirmed     inventory.Kind = "unconfirmed"     // they must show once more who they are
)

// Service is the use cases. It may be used by many at once.
type Service struct {
	store *store.Store
	now   func() time.Time
	hash  secret.Hasher
	limit *limiter
	// refusals bounds the audit log's rows of them.
	refusals *quota
}

// New takes the clock to go by.
func New(s *store.Store, now func() time.Time) *Service {
	return &Service{store: s, now: now, hash: secret.NewHasher(hashesAtOnce), limit: newLimiter(now), refusals: newQuota(now)}
}

// Who is somebody whom the manager knows.
type Who struct {
	Account string
	Person  string // their id
	Name    string
	Role    Role
	Token   string   // the token's id, or "" for a session
	Scopes  []Action // of the token
	// Confirmed is when they last showed who they are in this session.
	Confirmed time.Time
	session   string // its hash
}

// May reports whether role and, of a token, scopes allow a.
func (w *Who) May(a Action) bool {
	return Can(w.Role, a) && (w.Token == "" || within(w.Scopes, a))
}

// Actor is how the audit log names them.
func (w *Who) Actor(request string) inventory.Actor {
	id := "user:" + w.Person
	if w.Token != "" {
		id = "token:" + w.Token
	}
	return inventory.Actor{Account: w.Account, ID: id, Request: request}
}

func (s *Service) millis() int64 { return s.now().UnixMilli() }

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// audit writes what was changed; before and after may be nil.
func (s *Service) audit(ctx context.Context, q *query.Queries, by inventory.Actor, action, target string, before, after any) error {
	row := query.InsertAuditParams{ID: newID(), AccountID: by.Account, At: s.millis(), Actor: by.ID,
		Action: action, Target: target, Request: by.Request}
	for value, into := range map[*any]*string{&before: &row.Before, &after: &row.After} {
		if *value == nil {
			continue
		}
		text, err := json.Marshal(*value)
		if err != nil {
			return fmt.Errorf("audit of %s: %w", action, err)
		}
		*into = string(text)
	}
	if err := q.InsertAudit(ctx, row); err != nil {
		return fmt.Errorf("audit of %s: %w", action, err)
	}
	return nil
}
