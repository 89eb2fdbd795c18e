// Package steps lets a lab stand between the steps of an agent that are seen
// from outside of it: a write to Azure, a kept state, a gate that opens. Before
// each one the agent names it and waits for the word to go on; so a kill -9 can
// hit it exactly there. Without Env in its environment an agent asks nobody.
package steps

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Env names the variable that holds the descriptor on which the agent asks.
// Only the lab sets it; whoever can could kill the agent just as well.
const Env = "RELEVE_LAB_STEPS"

// Asker is the agent's side. It is for one goroutine.
type Asker struct{ lab io.ReadWriteCloser }

// FromEnv is the asker that the environment names, nil where it names none.
// The variable is taken out, so that what the agent starts doesn't ask too.
func FromEnv() (*Asker, error) {
	text, ok := os.LookupEnv(Env)
	if !ok {
		return nil, nil
	}
	if err := os.Unsetenv(Env); err != nil {
		return nil, err
	}
	fd, err := strconv.Atoi(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %q is no descriptor", Env, text)
	}
	unix.CloseOnExec(fd)
	return &Asker{os.NewFile(uintptr(fd), "steps")}, nil
}

// Ask names the step that comes next and returns when it may be done. A lab
// that is gone is not asked again.
func (a *Asker) Ask(step string) {
	if a.lab == nil {
		return
	}
	word := make([]byte, 1)
	_, err := io.WriteString(a.lab, step+"\n")
	if err == nil {
		_, err = io.ReadFull(a.lab, word)
	}
	if err != nil {
		_ = a.lab.Close()
		a.lab = nil
	}
}

// Pair makes the two ends of one agent's line: the agent's is to be passed to
// it and closed here.
func Pair() (lab, agent *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make the agent's line of steps: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "steps-lab"), os.NewFile(uintptr(fds[1]), "steps-agent"), nil
}

// Serve is the lab's side: it hands over each step, and lets the agent go on
// when before returns. It ends with the agent.
func Serve(lab io.ReadWriteCloser, before func(step string)) {
	defer lab.Close()
	for lines := bufio.NewScanner(lab); lines.Scan(); {
		before(lines.Text())
		if _, err := lab.Write([]byte{'\n'}); err != nil {
			return
		}
	}
}
