package guest

import (
	"bytes"
	"fmt"
	"io"
	"sync"
)

// console is where all words of a machine go, as Azure's boot diagnostics show them.
type console struct {
	mu  sync.Mutex
	out io.Writer
}

// say puts a line of somebody's there.
func (c *console) say(who, line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fmt.Fprintf(c.out, "%s: %s\n", who, line)
}

// of is somebody's own way there, line by line.
func (c *console) of(who string) io.Writer { return &words{console: c, who: who} }

type words struct {
	console *console
	who     string
	mu      sync.Mutex
	begun   []byte
}

// mostBegun is how long a line may become that doesn't end.
const mostBegun = 64 << 10

func (w *words) Write(text []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begun = append(w.begun, text...)
	for {
		line, rest, found := bytes.Cut(w.begun, []byte("\n"))
		if !found && len(w.begun) < mostBegun {
			return len(text), nil
		}
		w.console.say(w.who, string(line))
		w.begun = rest
		if !found {
			return len(text), nil
		}
	}
}
