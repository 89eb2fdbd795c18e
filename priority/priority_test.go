package priority

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// The test raises a child, so that the test program itself stays as it is.
func TestMain(m *testing.M) {
	if os.Getenv("RELEVE_RAISE") == "" {
		os.Exit(m.Run())
	}
	level, err := Raise()
	fmt.Println(level)
	if eachThread(func(tid int) error {
		nice, err := unix.Getpriority(unix.PRIO_PROCESS, tid)
		fmt.Print(20-nice, " ") // getpriority(2): the system call gives 20 less the nice value
		return err
	}) != nil {
		fmt.Print("?")
	}
	fmt.Println()
	if err != nil {
		fmt.Println(err)
	}
	if group, err := os.ReadFile("/proc/self/autogroup"); err == nil {
		fmt.Println(strings.TrimSpace(string(group)))
	}
	os.Exit(0)
}

// Whatever the kernel grants, every thread has the same, and the reason is
// given where it is nothing.
func TestRaiseIsTheSameForAllThreads(t *testing.T) {
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "RELEVE_RAISE=1")
	out, err := child.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitN(string(out), "\n", 3)
	if Level(lines[0]) == Normal {
		if lines[2] == "" {
			t.Error("no reason given")
		}
		return
	}
	for _, nice := range strings.Fields(lines[1]) {
		if nice != "-20" {
			t.Errorf("a thread has nice %s", nice)
		}
	}
}

// A session of its own is raised; that of somebody else, here one that the test
// makes, stays as it is.
func TestRaiseRaisesItsOwnSessionAlone(t *testing.T) {
	if _, err := os.Stat("/proc/self/autogroup"); err != nil {
		t.Skip("this kernel shares the machine among threads alone")
	}
	for _, c := range []struct {
		argv []string
		want string
	}{{[]string{os.Args[0]}, "nice -20"}, {[]string{"sh", "-c", os.Args[0] + "; true"}, "nice 0"}} {
		child := exec.Command(c.argv[0], c.argv[1:]...)
		child.Env = append(os.Environ(), "RELEVE_RAISE=1")
		child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		out, err := child.Output()
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(string(out), string(Normal)) {
			t.Skip("the kernel grants no priority")
		}
		if !strings.HasSuffix(strings.TrimSpace(string(out)), c.want) {
			t.Errorf("%v: %s, want the session's %s", c.argv, out, c.want)
		}
	}
}
