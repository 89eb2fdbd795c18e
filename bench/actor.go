package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// actor is a process of a measurement that does what it is told, an order a line.
type actor struct {
	cmd     *exec.Cmd
	orders  io.WriteCloser
	replies *json.Decoder
}

// order is what an actor may be told; what the rest means depends on Do.
type order struct {
	Do      string
	For     time.Duration
	Every   time.Duration // between two of the same
	Retry   time.Duration // the same while there is no answer
	Streams int
	Back    bool // from the other end
	Sites   int
	Local   bool // without a tunnel
	Site    int  // one of them, by its place
	Number  uint64
}

// reply is an actor's word that an order is done, or that it can't be.
type reply struct {
	Error  string
	Result json.RawMessage
}

// act starts an actor and waits until it is ready.
func act(args ...string) (*actor, error) { return actAs(again(args...)) }

func actAs(cmd *exec.Cmd) (*actor, error) {
	a := &actor{cmd: cmd}
	var err error
	if a.orders, err = a.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := a.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	a.replies = json.NewDecoder(out)
	if err := a.cmd.Start(); err != nil {
		return nil, err
	}
	if err := a.hear(nil); err != nil {
		return nil, errors.Join(fmt.Errorf("%v: %w", cmd.Args[1:], err), a.end())
	}
	return a, nil
}

// tell gives an order and waits until it is done.
func (a *actor) tell(o order, result any) error {
	line, err := json.Marshal(o)
	if err == nil {
		_, err = a.orders.Write(append(line, '\n'))
	}
	if err == nil {
		err = a.hear(result)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", o.Do, err)
	}
	return nil
}

func (a *actor) hear(result any) error {
	var r reply
	if err := a.replies.Decode(&r); err != nil {
		return err
	}
	if r.Error != "" {
		return errors.New(r.Error)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(r.Result, result)
}

// end is the last order.
func (a *actor) end() error {
	return errors.Join(a.orders.Close(), a.cmd.Wait())
}

// obey is an actor's whole life, once it is ready.
func obey(do func(order) (any, error)) error {
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(reply{}); err != nil {
		return err
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var o order
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			return err
		}
		var r reply
		result, err := do(o)
		if err == nil {
			r.Result, err = json.Marshal(result)
		}
		if err != nil {
			r = reply{Error: err.Error()}
		}
		if err := out.Encode(r); err != nil {
			return err
		}
	}
	return nil
}
