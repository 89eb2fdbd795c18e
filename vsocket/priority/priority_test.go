package priority

import (
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
	mixed := ""
	if eachThread(func(tid int) error { mixed += policyOf(tid); return nil }) != nil {
		mixed = "?"
	}
	_, _ = os.Stdout.WriteString(string(level) + "\n" + mixed + "\n")
	if err != nil {
		_, _ = os.Stdout.WriteString(err.Error())
	}
	os.Exit(0)
}

func policyOf(tid int) string {
	policy, _, _ := unix.Syscall(unix.SYS_SCHED_GETSCHEDULER, uintptr(tid), 0, 0)
	return string(rune('0' + policy))
}

// Whatever level the kernel grants, every thread has the same.
func TestRaiseIsTheSameForAllThreads(t *testing.T) {
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "RELEVE_RAISE=1")
	out, err := child.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitN(string(out), "\n", 3)
	t.Logf("%s", out)
	want := map[string]string{string(RealTime): "1", string(Nice): "0", string(Normal): "0"}[lines[0]]
	if strings.Trim(lines[1], want) != "" {
		t.Errorf("%s, but policies %s", lines[0], lines[1])
	}
	if lines[0] == string(Normal) && lines[2] == "" {
		t.Error("no reason given")
	}
}
