package clock

import (
	"testing"
	"time"
)

func TestSleepUntilIsNeverEarly(t *testing.T) {
	until := Now() + 3*time.Millisecond
	SleepUntil(until)
	if now := Now(); now < until {
		t.Errorf("woke %s early", until-now)
	}
	SleepUntil(0) // long past: no wait
}

func TestTheKernelsStampsLineUp(t *testing.T) {
	before := Now()
	at := Of(time.Now())
	if after := Now(); at < before-time.Second || at > after+time.Second {
		t.Errorf("a stamp of now is %s, between %s and %s expected", at, before, after)
	}
}
