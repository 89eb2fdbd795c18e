package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// screen prints one line for each step, and while it runs what it is at: in
// place on a terminal, a line now and then elsewhere.
type screen struct {
	out      io.Writer
	live     bool
	mu       sync.Mutex
	activity string
}

// quiet is how long a log without a terminal may stay silent.
const quiet = 30 * time.Second

func newScreen(out *os.File) *screen {
	info, err := out.Stat()
	terminal := err == nil && info.Mode()&os.ModeCharDevice != 0 && info.Mode()&os.ModeDevice != 0
	return &screen{out: out, live: terminal && os.Getenv("TERM") != "dumb" && os.Getenv("CI") == ""}
}

// at says what the step is doing now.
func (s *screen) at(format string, args ...any) {
	s.mu.Lock()
	s.activity = fmt.Sprintf(format, args...)
	s.mu.Unlock()
}

// say prints a line for good.
func (s *screen) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
	fmt.Fprintf(s.out, format+"\n", args...)
}

// watch shows the activity until the returned function is called.
func (s *screen) watch(step string) (stop func()) {
	s.at("")
	every := quiet
	if s.live {
		every = 250 * time.Millisecond
	}
	began, tick := time.Now(), time.NewTicker(every)
	done, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				s.show(step, time.Since(began))
			}
		}
	}()
	return func() {
		tick.Stop()
		close(done)
		<-gone
	}
}

func (s *screen) show(step string, elapsed time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	line := fmt.Sprintf("  %-22s %6.0f s  %s", step, elapsed.Seconds(), s.activity)
	if !s.live {
		fmt.Fprintln(s.out, line+" ...")
		return
	}
	s.erase()
	fmt.Fprint(s.out, clip(line, 79))
}

func (s *screen) erase() {
	if s.live {
		fmt.Fprint(s.out, "\r\x1b[K")
	}
}

func clip(line string, width int) string {
	runes := []rune(line)
	if len(runes) <= width {
		return line
	}
	return string(runes[:width-1]) + "…"
}

// indent moves a block of text to the right.
func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n    ")
}
