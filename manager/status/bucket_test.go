package status

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"releve.dev/releve/site"
)

// samples are an hour's, some missing, some late.
func samples() []Sample {
	random := rand.New(rand.NewPCG(1, 2))
	var all []Sample
	for i := range 3600 {
		if random.IntN(10) == 0 {
			continue
		}
		s := Sample{At: noon.Add(time.Duration(i)*time.Second + 300*time.Millisecond), Role: site.Role(random.IntN(roles)), Master: i%3 == 0, Connected: i%5 != 0}
		for m := range s.Values {
			if v := float64(random.IntN(1000) - 100); m != int(PacketsSent) && random.IntN(4) > 0 {
				s.Values[m] = &v
			}
		}
		all = append(all, s)
	}
	for i := range all {
		j := min(len(all)-1, i+random.IntN(30))
		all[i], all[j] = all[j], all[i]
	}
	return all
}

// Wide buckets are the same, made of narrow ones or of the samples; and nothing is
// lost in them.
func TestCoarsen(t *testing.T) {
	all := samples()
	series := map[time.Duration][]Bucket{}
	widths := []time.Duration{10 * time.Second, time.Minute, time.Hour}
	for _, s := range all {
		for _, w := range widths {
			series[w] = Fold(series[w], w, s)
		}
	}
	for i, w := range widths {
		got := series[w]
		if len(got) != int(time.Hour/w) || !slices.IsSortedFunc(got, func(a, b Bucket) int { return a.Start.Compare(b.Start) }) {
			t.Errorf("%s: %d buckets", w, len(got))
		}
		if i > 0 && !reflect.DeepEqual(Coarsen(series[widths[i-1]], w), got) {
			t.Errorf("%s: not those of %s", w, widths[i-1])
		}
	}
	hour := series[time.Hour][0]
	var values []float64
	inRoles := 0
	for _, s := range all {
		if v := s.Values[Latency]; v != nil {
			values = append(values, *v)
		}
	}
	for _, n := range hour.Roles {
		inRoles += n
	}
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	f := hour.Figures[Latency]
	if f != (Figure{len(values), sum, slices.Min(values), slices.Max(values)}) || f.Mean() != sum/float64(len(values)) || hour.Samples != len(all) || inRoles != len(all) {
		t.Errorf("%+v of %d, %d in roles", hour, len(all), inRoles)
	}
	if hour.Figures[PacketsSent] != (Figure{}) {
		t.Error("figures that nobody measured")
	}
}

// A sample says what the status says, and no zero for what isn't known.
func TestSampleOf(t *testing.T) {
	loss := 1.5
	s := &site.Status{Role: site.Active, Master: true, Tunnel: &site.TunnelStatus{Up: true, ReceivedRate: 8, SentRate: 16, Loss: &loss}}
	b := bucketOf(ptr(SampleOf(noon.Add(13*time.Second), s)), 10*time.Second)
	want := Bucket{Start: noon.Add(10 * time.Second), Samples: 1, Master: 1, Connected: 1}
	want.Roles[site.Active] = 1
	want.Figures[Received], want.Figures[Sent], want.Figures[Loss] = Figure{1, 8, 8, 8}, Figure{1, 16, 16, 16}, Figure{1, 1.5, 1.5, 1.5}
	if b != want {
		t.Errorf("%+v", b)
	}
	s.Tunnel = nil
	if got := SampleOf(noon, s); got.Connected || got.Values != [metrics]*float64{} {
		t.Errorf("%+v", got)
	}
}

func ptr[T any](v T) *T { return &v }

// Old buckets go, to the second, and a question gets the finest that are left.
func TestRetention(t *testing.T) {
	const day = 24 * time.Hour
	rules := Rules{{10 * time.Second, day}, {time.Minute, 14 * day}, {time.Hour, 400 * day}}
	for _, r := range []Rules{rules, DefaultRules()} {
		if err := r.Check(); err != nil {
			t.Fatal(err)
		}
	}
	var series []Bucket
	for i := range 10 {
		series = append(series, Bucket{Start: noon.Add(time.Duration(i) * 10 * time.Second)})
	}
	for passed, left := range map[time.Duration]int{0: 10, 10*time.Second - 1: 10, 10 * time.Second: 9, 100 * time.Second: 0} {
		if got := rules[0].Expire(noon.Add(24*time.Hour+passed), series); len(got) != left {
			t.Errorf("after %s: %d left, want %d", passed, len(got), left)
		}
	}
	for name, c := range map[string]struct {
		from, until time.Duration
		most        int
		want        time.Duration
	}{
		"an hour":      {-time.Hour, 0, 1000, 10 * time.Second},
		"few points":   {-time.Hour, 0, 100, time.Minute},
		"a day before": {-3 * day, -3*day + time.Hour, 1000, time.Minute},
		"a year":       {-365 * day, 0, 10_000, time.Hour},
		"too much":     {-3650 * day, 0, 10, time.Hour},
	} {
		if got := rules.For(noon, noon.Add(c.from), noon.Add(c.until), c.most); got.Width != c.want {
			t.Errorf("%s: %s", name, got.Width)
		}
	}
}

// Rules that lose something are refused.
func TestRulesCheck(t *testing.T) {
	for name, rules := range map[string]Rules{
		"none":       {},
		"no day":     {{7 * time.Second, time.Hour}},
		"too fine":   {{time.Millisecond, time.Hour}},
		"too short":  {{time.Minute, time.Second}},
		"not made":   {{4 * time.Second, time.Hour}, {10 * time.Second, 2 * time.Hour}},
		"goes first": {{time.Second, time.Hour}, {time.Minute, time.Hour}},
	} {
		if rules.Check() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// A packed bucket is short, and comes back as it was, to six digits.
func TestPack(t *testing.T) {
	var series []Bucket
	for _, s := range samples() {
		series = Fold(series, 5*time.Minute, s)
	}
	for _, b := range series {
		text := b.Pack()
		got, err := Unpack(b.Start, text)
		if err != nil || len(text) > 400 {
			t.Fatalf("%d bytes, %v: %s", len(text), err, text)
		}
		for i := range b.Figures {
			if diff := got.Figures[i].Sum - b.Figures[i].Sum; diff > 1 || diff < -1 {
				t.Errorf("sum %f, was %f", got.Figures[i].Sum, b.Figures[i].Sum)
			}
			got.Figures[i].Sum = b.Figures[i].Sum
		}
		if !reflect.DeepEqual(got, b) {
			t.Errorf("%+v\n%+v", got, b)
		}
	}
	if _, err := Unpack(noon, "{"); err == nil {
		t.Error("read what isn't one")
	}
	if _, err := Unpack(noon, `{"n":1,"r":{"99":1,"-1":1},"f":{"99":[1,1,1,1]}}`); err != nil {
		t.Errorf("another release's: %v", err)
	}
}

// Means come from the counters, unless the agent has started anew or it was long
// ago.
func TestMeans(t *testing.T) {
	old := Counter{noon, "1", 1000, 2000}
	for name, c := range map[string]struct {
		now  Counter
		want float64 // 7: the moment's rate stays
	}{
		"a minute":    {Counter{noon.Add(time.Minute), "1", 61_000, 2000}, 8000},
		"restarted":   {Counter{noon.Add(time.Minute), "2", 61_000, 2000}, 7},
		"backwards":   {Counter{noon.Add(time.Minute), "1", 61_000, 1999}, 7},
		"long ago":    {Counter{noon.Add(time.Hour), "1", 61_000, 2000}, 7},
		"no time":     {Counter{noon, "1", 61_000, 2000}, 7},
		"none before": {Counter{noon.Add(time.Minute), "", 61_000, 2000}, 7},
	} {
		s := Sample{}
		s.Values[Received] = ptr(7.0)
		s.Since(old, c.now)
		if got := *s.Values[Received]; got != c.want {
			t.Errorf("%s: %f", name, got)
		}
	}
}
