package guest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"releve.dev/releve/lab/machine/units"
)

// request is what systemctl or cloud-init was called with.
type request struct {
	Name string   `json:"name"`
	Args []string `json:"args"`
}

// reply is what it prints, and ends with.
type reply struct {
	Out  string `json:"out"`
	Err  string `json:"err"`
	Exit int    `json:"exit"`
}

// exitUnreachable is systemctl's where there is no systemd to ask.
const exitUnreachable = 1

// ask passes a command line on to the machine's first process, and prints its reply.
func ask(name string, args []string) int {
	conn, err := net.Dial("unix", control)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: this is no machine of the lab: %v\n", name, err)
		return exitUnreachable
	}
	defer conn.Close()
	var r reply
	err = json.NewEncoder(conn).Encode(request{name, args})
	if err == nil {
		err = json.NewDecoder(conn).Decode(&r)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		return exitUnreachable
	}
	fmt.Fprint(os.Stdout, r.Out)
	if r.Err != "" {
		fmt.Fprintln(os.Stderr, r.Err)
	}
	return r.Exit
}

// serve answers such requests until the machine ends.
func (i *initial) serve(path string) error {
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return fmt.Errorf("listen for systemctl: %w", err)
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go i.handle(conn)
		}
	}()
	return nil
}

func (i *initial) handle(conn net.Conn) {
	defer conn.Close()
	var q request
	if json.NewDecoder(conn).Decode(&q) != nil {
		return
	}
	var r reply
	if q.Name == "cloud-init" {
		r = i.cloudInit(q.Args)
	} else {
		r = i.manager.systemctl(q.Args)
	}
	_ = json.NewEncoder(conn).Encode(r) // who has gone wants none
}

// cloudInit plays `cloud-init status [--wait]`.
func (i *initial) cloudInit(args []string) reply {
	if len(args) == 0 || args[0] != "status" {
		return reply{Err: "cloud-init: the lab plays `status` and `status --wait` alone", Exit: 2}
	}
	if slices.Contains(args, "--wait") {
		<-i.done
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	r := reply{Out: "status: " + i.state + "\n"}
	if i.state == errored {
		r.Exit = 1
	}
	return r
}

// exitInactive is systemctl's for a service that doesn't run.
const exitInactive = 3

// ignored are options that change nothing here.
var ignored = []string{"-q", "--quiet", "--system", "--no-block", "--no-reload", "--no-pager", "--no-ask-password", "--root=/", "-f", "--force", "--now"}

// systemctl plays the verbs that scripts use.
func (m *manager) systemctl(args []string) reply {
	var words []string
	for _, a := range args {
		switch {
		case !strings.HasPrefix(a, "-"):
			words = append(words, a)
		case !slices.Contains(ignored, a):
			return refuse("option " + a)
		}
	}
	if len(words) == 0 {
		return refuse("a call without a verb")
	}
	verb, names := words[0], words[1:]
	quiet := slices.Contains(args, "-q") || slices.Contains(args, "--quiet")
	now := slices.Contains(args, "--now")
	switch verb {
	case "daemon-reload", "reset-failed": // files are read at each start
		return reply{}
	case "is-active", "is-failed", "is-enabled", "status":
		return m.tell(verb, names, quiet)
	}
	var errs []error
	for _, name := range names {
		errs = append(errs, m.act(verb, name, now))
	}
	if err := errors.Join(errs...); err != nil {
		return reply{Err: err.Error(), Exit: 1}
	}
	return reply{}
}

func refuse(what string) reply {
	return reply{Err: "systemctl: the lab doesn't play " + what, Exit: 1}
}

// act is a verb on one service.
func (m *manager) act(verb, name string, now bool) error {
	switch verb {
	case "start":
		return m.start(name)
	case "stop":
		return m.stop(name)
	case "restart":
		return errors.Join(m.stop(name), m.start(name))
	case "try-restart":
		if m.service(name).look() != active {
			return nil
		}
		return m.act("restart", name, now)
	case "reload":
		return m.reload(name)
	case "reload-or-restart":
		if unit, err := units.Load("/", name); err == nil && len(unit.Reload) > 0 && m.service(name).look() == active {
			return m.reload(name)
		}
		return m.act("restart", name, now)
	case "enable", "preset":
		if err := link(name); err != nil || !now {
			return err
		}
		return m.start(name)
	case "disable":
		if err := unlink(name); err != nil || !now {
			return err
		}
		return m.stop(name)
	}
	return errors.New(refuse("the verb " + verb).Err)
}

// tell answers questions: the exit status is good if one of the services is so.
func (m *manager) tell(verb string, names []string, quiet bool) reply {
	r := reply{Exit: exitInactive}
	if verb != "is-active" && verb != "status" {
		r.Exit = 1
	}
	for _, name := range names {
		state, good := m.service(name).look(), false
		switch verb {
		case "is-active":
			good = state == active
		case "is-failed":
			good = state == failed
		case "is-enabled":
			if state, good = "disabled", isEnabled(name); good {
				state = "enabled"
			}
		case "status":
			good = state == active
			state = units.Name(name) + ": " + state
		}
		if good {
			r.Exit = 0
		}
		if !quiet {
			r.Out += state + "\n"
		}
	}
	return r
}

// own is where enabling puts its links.
const own = "/etc/systemd/system"

// linksOf are the links that make a service enabled.
func linksOf(name string) (unit *units.Service, links []string, err error) {
	unit, err = units.Load("/", name)
	if err != nil {
		return nil, nil, err
	}
	for _, target := range unit.WantedBy {
		links = append(links, filepath.Join(own, target+".wants", unit.Name))
	}
	return unit, links, nil
}

func link(name string) error {
	unit, links, err := linksOf(name)
	if err != nil {
		return err
	}
	for _, path := range links {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.Symlink(fileOf(unit.Name), path); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	for _, also := range unit.Also {
		if also != unit.Name && !isEnabled(also) {
			if err := link(also); err != nil {
				return err
			}
		}
	}
	return nil
}

func unlink(name string) error {
	_, links, err := linksOf(name)
	for _, path := range links {
		if e := os.Remove(path); e != nil && !errors.Is(e, os.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return err
}

func isEnabled(name string) bool {
	_, links, err := linksOf(name)
	if err != nil {
		return false
	}
	for _, path := range links {
		if _, err := os.Lstat(path); err == nil {
			return true
		}
	}
	return false
}

// fileOf is where a service's file lies.
func fileOf(name string) string {
	for _, folder := range units.Folders {
		path := filepath.Join("/", folder, name)
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return filepath.Join("/usr/lib/systemd/system", name)
}
