package reporter

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"releve.dev/releve/core/takeover"
	"releve.dev/releve/disk/power"
	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/spool"
)

// terms are of the takeovers in the spool.
func (b *bench) terms(t *testing.T) (terms []site.Term) {
	t.Helper()
	b.spool.Rewind()
	records, err := b.spool.Take(100, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if r.Class != spool.Takeover {
			continue
		}
		o, err := takeover.Decode(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		terms = append(terms, o.Term)
	}
	return terms
}

// diary is an agent's journal; it counts how often it is read.
type diary struct {
	rows []site.Entry
	read int
	gone error
}

func (d *diary) write(b *bench, whats ...[2]string) {
	for _, w := range whats {
		d.rows = append(d.rows, site.Entry{Wall: b.c.Now().Wall, At: b.at, Who: "secondary", What: w[0], Detail: w[1]})
	}
}

func (d *diary) since(_ context.Context, since time.Time) ([]site.Entry, error) {
	d.read++
	return slices.DeleteFunc(slices.Clone(d.rows), func(e site.Entry) bool { return e.Wall.Before(since) }), d.gone
}

// B13, F9: each takeover is told once it is over, once, over a power loss too, and also
// those that began and ended between two looks; and the journal is read only for them.
func TestTakeoversOnceOverPowerLoss(t *testing.T) {
	folder, events, d := power.New(), power.New(), &diary{}
	b := open(t, folder, events, 1)
	b.c.Journal = d.since
	b.status.Term = 6
	b.look(t, 30)
	if d.read != 1 {
		t.Errorf("the journal was read %d times, though the term was the same", d.read)
	}
	d.write(b, [2]string{"claim", "term 7: x"}, [2]string{"term granted", "term 7, after x"}, [2]string{"steering done", ""}, [2]string{"yielded", "term 7"},
		[2]string{"claim", "term 9: x"}, [2]string{"term granted", "term 9, after x"})
	b.status.Term = 9
	b.look(t, 30)
	if terms := b.terms(t); !slices.Equal(terms, []site.Term{7}) {
		t.Errorf("%v are told before the last is over", terms)
	}
	d.write(b, [2]string{"gate opened", "term 9"}, [2]string{"steering done", ""})
	b.look(t, 10)
	if terms := b.terms(t); !slices.Equal(terms, []site.Term{7, 9}) {
		t.Errorf("%v", terms)
	}
	read := d.read
	b.look(t, 30)
	if d.read != read {
		t.Errorf("read %d times more", d.read-read)
	}
	random := rand.New(rand.NewPCG(1, 2))
	again := open(t, folder.Cut(random), events.Cut(random), 2)
	again.c.Journal, again.status, again.at = d.since, b.status, b.at
	again.look(t, 30)
	if terms := again.terms(t); !slices.Equal(terms, []site.Term{7, 9}) {
		t.Errorf("%v after a power loss", terms)
	}
}

// A journal that can't be read now is read later.
func TestTakeoverLater(t *testing.T) {
	d := &diary{gone: errors.New("no agent")}
	b := open(t, power.New(), power.New(), 1)
	b.c.Journal = d.since
	b.status.Term = 7
	d.write(b, [2]string{"claim", "term 7: x"}, [2]string{"term granted", "term 7, after x"}, [2]string{"steering done", ""})
	b.look(t, 1)
	if d.read > 0 {
		t.Error("the journal is read in a takeover's first second")
	}
	b.at += lookAgain
	if err := b.Look(t.Context()); err == nil {
		t.Error("nobody is told")
	}
	d.gone = nil
	b.look(t, 10)
	if terms := b.terms(t); !slices.Equal(terms, []site.Term{7}) {
		t.Errorf("%v", terms)
	}
}
