package story

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"releve.dev/releve/lab/clock"
	"releve.dev/releve/lab/probe"
	"releve.dev/releve/lab/report"
	"releve.dev/releve/lab/term"
	"releve.dev/releve/lab/world"
	"releve.dev/releve/site"
)

// Show is the picture with the story under it: redrawn in place on a terminal,
// plain lines where output is piped.
type Show struct {
	out   *os.File
	style term.Style
	live  bool
	name  string
	opt   world.Options

	mu    sync.Mutex
	world *world.World
	drawn []string // lines on the screen, the cursor below them
	told  []line
	seen  map[site.Entry]bool
	zero  time.Duration // first fault
	hint  string
	count [2]probe.Count // at the last look, up and down
	rates [2]float64
	lost  int
	at    time.Duration
	stop  context.CancelFunc
	ended chan struct{}
}

type line struct {
	at    time.Duration
	text  string
	paint ink
	rest  bool // a takeover is complete: worth a new picture
}

const (
	pace  = 150 * time.Millisecond
	lines = 6 // of the story, under the picture
	// screen is how many rows the show takes; on fewer it tells in plain lines.
	screen = pictureHeight + lines + 5
)

// New makes a show of a run of that name.
func New(out *os.File, style term.Style, name string, opt world.Options) *Show {
	columns, rows := term.Size(out)
	live := term.Live(out) && columns >= pictureWidth+1 && rows > screen
	return &Show{out: out, style: style, live: live, name: name, opt: opt, seen: map[site.Entry]bool{}}
}

// Rising tells that the site is being brought up.
func (s *Show) Rising() {
	title := fmt.Sprintf("Relève lab · %s · Azure profile %s", s.name, s.opt.Profile.Name)
	what := "two vSockets, an Azure, a VM and the Internet"
	if s.opt.Bare {
		what = "an Azure, a VM, a manager and the Internet"
	}
	fmt.Fprintf(s.out, "%s\n%s\n\n", s.style.Bold(title), s.style.Dim("Bringing up "+what+" on this machine …"))
}

// Up begins to show the site.
func (s *Show) Up(w *world.World) {
	ctx, cancel := context.WithCancel(context.Background())
	s.mu.Lock()
	s.world, s.stop, s.ended, s.at = w, cancel, make(chan struct{}), clock.Now()
	s.mu.Unlock()
	if s.live {
		fmt.Fprint(s.out, "\x1b[?25l") // no cursor while lines are redrawn
	} else {
		s.picture(ctx)
	}
	go s.follow(ctx)
}

// Hint is a line that stays under the show.
func (s *Show) Hint(text string) {
	s.mu.Lock()
	s.hint = text
	s.mu.Unlock()
	if !s.live {
		fmt.Fprintln(s.out, text)
	}
}

// Over ends the show while the site still stands.
func (s *Show) Over() { s.Close() }

// Close ends the show and leaves its last picture. It may be called again.
func (s *Show) Close() {
	s.mu.Lock()
	stop, ended := s.stop, s.ended
	s.stop = nil
	s.mu.Unlock()
	if stop == nil {
		return
	}
	stop()
	<-ended
	if s.live {
		fmt.Fprint(s.out, "\x1b[?25h")
	}
}

func (s *Show) follow(ctx context.Context) {
	defer close(s.ended)
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	for {
		s.look(ctx)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// look reads what is new and shows it.
func (s *Show) look(ctx context.Context) {
	fresh := s.news()
	if !s.live {
		for _, l := range fresh {
			fmt.Fprintln(s.out, s.sentence(l))
			if l.rest {
				fmt.Fprintln(s.out)
				s.picture(ctx)
			}
		}
		return
	}
	status := s.world.Look(ctx)
	if ctx.Err() != nil {
		return
	}
	s.measure()
	rows := Picture(s.style, &status)
	rows = append(rows, "", s.traffic(&status), s.azure(&status), "")
	s.mu.Lock()
	told := s.told[max(0, len(s.told)-lines):]
	hint := s.hint
	s.mu.Unlock()
	for i := range lines {
		text := ""
		if i < len(told) {
			text = s.sentence(told[i])
		}
		rows = append(rows, text)
	}
	s.redraw(append(rows, s.style.Dim(hint)))
}

// news turns new entries of the timeline into lines.
func (s *Show) news() []line {
	var fresh []line
	for _, e := range s.world.Entries() {
		if s.seen[e] {
			continue
		}
		s.seen[e] = true
		if e.Who == report.Lab && s.zero == 0 {
			s.zero = e.At
		}
		if text, paint := narrate(e); text != "" {
			fresh = append(fresh, line{e.At, text, paint, e.What == report.WhatSteered})
		}
	}
	s.mu.Lock()
	s.told = append(s.told, fresh...)
	s.mu.Unlock()
	return fresh
}

func (s *Show) sentence(l line) string {
	at := strings.Repeat(" ", 9)
	if s.zero != 0 {
		at = fmt.Sprintf("%+8.3fs", (l.at - s.zero).Seconds())
	}
	return s.style.Dim(at) + "  " + l.paint.paint(s.style, term.Cut(l.text, pictureWidth-12))
}

// picture draws once, for output that can't be redrawn.
func (s *Show) picture(ctx context.Context) {
	status := s.world.Look(ctx)
	for _, row := range Picture(s.style, &status) {
		fmt.Fprintln(s.out, row)
	}
	fmt.Fprintln(s.out)
}

// measure takes the packet rates since the last look, smoothed a little.
func (s *Show) measure() {
	now := clock.Now()
	span := (now - s.at).Seconds()
	s.lost = 0
	for i, d := range []probe.Direction{probe.Up, probe.Down} {
		count := s.world.Probe().Settled(d)
		switch {
		case s.count[i].Sent == 0:
			s.rates[i] = float64(count.Received) / max(span, 0.001)
		case span > 0:
			s.rates[i] += (float64(count.Received-s.count[i].Received)/span - s.rates[i]) / 3
		}
		s.lost += count.Sent - count.Received
		s.count[i] = count
	}
	s.at = now
}

func (s *Show) traffic(status *world.Status) string {
	tens := func(rate float64) int { return int(rate+10) / 20 * 20 }
	text := fmt.Sprintf("up %4d/s   down %4d/s   lost so far %d", tens(s.rates[0]), tens(s.rates[1]), s.lost)
	paint := good
	if !status.Flowing {
		paint = bad
	}
	return " " + s.style.Bold("traffic") + "  " + paint.paint(s.style, text)
}

func (s *Show) azure(status *world.Status) string {
	text := "at rest"
	paint := dim
	if !s.world.Quiet() {
		text, paint = "changes a NIC …", busy
	}
	for _, f := range status.Faults {
		text, paint = text+"   fault: "+f, bad
	}
	return " " + s.style.Bold("azure  ") + "  " + paint.paint(s.style, term.Cut(status.Profile+": "+text, pictureWidth-12))
}

// redraw overwrites in one write the rows that have changed: no flicker.
func (s *Show) redraw(rows []string) {
	var out strings.Builder
	if len(s.drawn) > 0 {
		fmt.Fprintf(&out, "\x1b[%dA", len(s.drawn))
	}
	for i, row := range rows {
		if i < len(s.drawn) && s.drawn[i] == row {
			out.WriteString("\r\n")
			continue
		}
		out.WriteString("\r" + row + "\x1b[K\r\n")
	}
	fmt.Fprint(s.out, out.String())
	s.drawn = rows
}
