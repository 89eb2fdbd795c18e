package steps

import (
	"slices"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// line is an agent's asker, made from the environment as the agent makes it,
// and the steps that the lab has been told.
func line(t *testing.T, before func(step string)) (*Asker, <-chan struct{}) {
	t.Helper()
	lab, agent, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	passed, err := unix.Dup(int(agent.Fd())) // as a child gets it
	if err != nil {
		t.Fatal(err)
	}
	if err := agent.Close(); err != nil {
		t.Fatal(err)
	}
	t.Setenv(Env, strconv.Itoa(passed))
	asker, err := FromEnv()
	if err != nil || asker == nil {
		t.Fatalf("asker %v, error %v", asker, err)
	}
	ended := make(chan struct{})
	go func() {
		Serve(lab, before)
		close(ended)
	}()
	return asker, ended
}

// A step waits until the lab has given its word.
func TestAStepWaitsForTheLab(t *testing.T) {
	var told []string
	asker, ended := line(t, func(step string) { told = append(told, step) })
	for _, step := range []string{"save", "put-own-nic", "save"} {
		asker.Ask(step)
		if told[len(told)-1] != step {
			t.Fatalf("step %s went on and the lab knows %v", step, told)
		}
	}
	if err := asker.lab.Close(); err != nil {
		t.Fatal(err)
	}
	<-ended
	if !slices.Equal(told, []string{"save", "put-own-nic", "save"}) {
		t.Errorf("told %v", told)
	}
}

// An agent outlives its lab: it goes on unasked.
func TestALabThatIsGoneHoldsNobody(t *testing.T) {
	asker, ended := line(t, func(string) { panic("no step was to come") })
	if err := unix.Shutdown(int(asker.lab.(interface{ Fd() uintptr }).Fd()), unix.SHUT_RDWR); err != nil {
		t.Fatal(err)
	}
	<-ended
	asker.Ask("save")
	asker.Ask("save")
	if asker.lab != nil {
		t.Error("a lab that is gone is still asked")
	}
}

// Nobody but a lab makes an agent ask.
func TestNobodyIsAskedWithoutALab(t *testing.T) {
	if asker, err := FromEnv(); asker != nil || err != nil {
		t.Errorf("asker %v, error %v", asker, err)
	}
	t.Setenv(Env, "tree")
	if asker, err := FromEnv(); asker != nil || err == nil {
		t.Errorf("a descriptor that is none: asker %v, error %v", asker, err)
	}
}
