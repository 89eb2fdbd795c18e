package priority

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
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
