package reporter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"releve.dev/releve/core/takeover"
	"releve.dev/releve/disk"
	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/spool"
)

const (
	// takeoversFile is where what was told last of takeovers is kept.
	takeoversFile = "takeovers.json"
	// furthest is how far back the journal is asked for takeovers.
	furthest = 24 * time.Hour
	// lookBack is how much of the journal is asked for at the least: clocks are set.
	lookBack = 10 * time.Minute
	// lookAgain is between two looks at a takeover that isn't over, and before the first.
	lookAgain = 5 * time.Second
	// mostTakeovers are told after one look; of more the last.
	mostTakeovers = 20
)

// takeovers follows which of the site's terms this vSocket was granted, and spools
// their rows out of the agent's journal once they are over. The journal is what
// outlives the agent and this process, so whatever came between two looks is found.
type takeovers struct {
	told toldTakeover
	seen site.Term     // at the last look
	term site.Term     // up to which the journal was looked through
	next time.Duration // when to look again, by the clock that never jumps
}

// toldTakeover is the last one that is in the spool.
type toldTakeover struct {
	Term    site.Term `json:"term"`
	Granted time.Time `json:"granted"`
}

func (t *toldTakeover) before(o *takeover.Takeover) bool {
	return o.Term > t.Term || o.Granted().After(t.Granted)
}

// readTold: what can't be read is as good as nothing. The manager knows twins.
func (r *Reporter) readTold() error {
	raw, err := r.c.Folder.Read(takeoversFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("which takeover was told last: %w", err)
	}
	if err := json.Unmarshal(raw, &r.takeovers.told); err != nil {
		r.c.Log.Error("which takeover was told last can't be read", "error", err)
	}
	return nil
}

// tellTakeovers looks into the journal some time after each change of the term: in its
// first seconds a takeover isn't over, and what matters then is the next status.
func (r *Reporter) tellTakeovers(ctx context.Context, s *site.Status) error {
	t, now := &r.takeovers, r.c.Now()
	if r.c.Journal == nil || !s.HA.Configured || s.Term == t.term || now.At < t.next {
		return nil
	}
	t.next = now.At + lookAgain
	if s.Term != t.seen {
		t.seen = s.Term
		return nil
	}
	since := now.Wall.Add(-furthest)
	if t.told.Granted.After(since) {
		since = t.told.Granted
	}
	if least := now.Wall.Add(-lookBack); since.After(least) {
		since = least
	}
	asking, cancel := context.WithTimeout(ctx, 3*Interval)
	defer cancel()
	rows, err := r.c.Journal(asking, since)
	if err != nil {
		return fmt.Errorf("the agent's journal: %w", err)
	}
	found, pending := takeover.Cut(rows, s.Side, now.Wall)
	if err := r.spoolTakeovers(found); err != nil {
		return err
	}
	if !pending {
		t.term = s.Term
	}
	return nil
}

func (r *Reporter) spoolTakeovers(found []*takeover.Takeover) error {
	t := &r.takeovers
	for _, o := range found[max(0, len(found)-mostTakeovers):] {
		if !t.told.before(o) {
			continue
		}
		raw, err := o.Encode()
		if err == nil {
			_, err = r.c.Spool.Append(spool.Takeover, raw)
		}
		if err != nil { // it would be the same the next time
			r.c.Log.Error("a takeover can't be told", "term", o.Term, "error", err)
		}
		t.told = toldTakeover{o.Term, o.Granted()}
		if raw, err = json.Marshal(t.told); err != nil {
			return err
		}
		if err := disk.Replace(r.c.Folder, takeoversFile, raw); err != nil {
			return err
		}
	}
	return nil
}
