package guest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"releve.dev/releve/lab/machine/cloudinit"
)

// initial is a machine's way up: image, user data, services.
type initial struct {
	spec    *Spec
	manager *manager

	mu    sync.Mutex
	state string        // of cloud-init, as its own status names it
	done  chan struct{} // closed when it has ended
}

// States of cloud-init.
const (
	running   = "running"
	errored   = "error"
	finalized = "done"
)

func newInit(spec *Spec, m *manager) *initial {
	return &initial{spec: spec, manager: m, state: running, done: make(chan struct{})}
}

// Path is that of all that root starts.
const Path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// boot plays a boot in Azure's order: what the user data writes is there when the
// services start, the agent is ready as soon as they have been started, and the
// user data's commands run after that (cloud-init's final stage).
func (i *initial) boot(ready func()) error {
	if err := os.Setenv("PATH", Path); err != nil {
		return err
	}
	os.Setenv("HOME", "/root")
	os.Setenv("LANG", "C.UTF-8")
	if err := i.once("image", i.image); err != nil {
		return err
	}
	if err := settings(); err != nil {
		return fmt.Errorf("set the kernel's settings: %w", err)
	}
	data, err := cloudinit.Parse(i.spec.UserData)
	if err != nil {
		i.say(err.Error())
		i.end(errored)
	} else if err := i.once("files-"+i.spec.Instance, func() error { return write(data.Files) }); err != nil {
		i.say(err.Error())
		i.end(errored)
		data.Commands = nil
	}
	if err := i.manager.start(enabled()...); err != nil {
		i.say(err.Error()) // the machine is up all the same
	}
	ready()
	err = i.once("commands-"+i.spec.Instance, func() error { return i.run(data.Commands) })
	if err != nil {
		i.say("a command has failed: " + err.Error())
		i.end(errored)
	}
	i.end(finalized)
	return nil
}

func (i *initial) say(line string) { i.manager.console.say("cloud-init", line) }

// end says how cloud-init has ended; the first word counts.
func (i *initial) end(state string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.state == running {
		i.state = state
		close(i.done)
	}
}

// played is the folder that says what has been done on this disk.
const played = "/var/lib/cloud/lab"

// once does something that is done once in a disk's life. What has failed isn't
// done again either, as cloud-init has it.
func (i *initial) once(what string, do func() error) error {
	mark := filepath.Join(played, what)
	if _, err := os.Stat(mark); err == nil {
		return nil
	}
	if err := os.MkdirAll(played, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(mark, nil, 0o644); err != nil {
		return err
	}
	return do()
}

// image installs what the machine's image comes with.
func (i *initial) image() error {
	if len(i.spec.Packages) == 0 {
		return nil
	}
	cmd := exec.Command("dpkg", append([]string{"--install", "--force-confold"}, i.spec.Packages...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if err := i.spell(cmd, "dpkg"); err != nil {
		return fmt.Errorf("install the image's packages: %w", err)
	}
	return nil
}

// write makes the files of the user data.
func write(files []cloudinit.File) error {
	for _, f := range files {
		if err := os.MkdirAll(filepath.Dir(f.Path), 0o755); err != nil {
			return err
		}
		flags := os.O_CREATE | os.O_WRONLY | os.O_TRUNC
		if f.Append {
			flags = os.O_CREATE | os.O_WRONLY | os.O_APPEND
		}
		file, err := os.OpenFile(f.Path, flags, f.Mode)
		if err != nil {
			return err
		}
		_, err = file.Write(f.Content)
		if err := errors.Join(err, file.Chmod(f.Mode), file.Close()); err != nil { // whatever the umask
			return err
		}
	}
	return nil
}

// output is where cloud-init keeps what commands say.
const output = "/var/log/cloud-init-output.log"

// run runs all commands, one after the other, as cloud-init does: a failure doesn't
// keep the next one from running, and is told in the end.
func (i *initial) run(commands [][]string) error {
	var failures []error
	for _, words := range commands {
		if err := i.spell(exec.Command(words[0], words[1:]...), "cloud-init"); err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", strings.Join(words, " "), err))
		}
	}
	return errors.Join(failures...)
}

// spell runs a program to its end, its words on the console and in cloud-init's log.
func (i *initial) spell(cmd *exec.Cmd, who string) error {
	if err := os.MkdirAll(filepath.Dir(output), 0o755); err != nil {
		return err
	}
	log, err := os.OpenFile(output, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o640)
	if err != nil {
		return err
	}
	defer log.Close()
	words := io.MultiWriter(log, i.manager.console.of(who))
	cmd.Stdout, cmd.Stderr, cmd.Dir = words, words, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := i.manager.children.start(cmd); err != nil {
		return err
	}
	return i.manager.children.wait(cmd)
}

// enabled are the services that a boot starts: those that somebody has enabled on
// this disk.
func enabled() []string {
	list, _ := filepath.Glob("/etc/systemd/system/multi-user.target.wants/*.service")
	for n, link := range list {
		list[n] = filepath.Base(link)
	}
	return list
}
