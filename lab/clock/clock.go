// Package clock is the one clock of a lab. CLOCK_BOOTTIME is the same in every
// process and namespace of a machine, so what the agents, the emulator and the
// probe write down lines up.
package clock

import (
	"time"

	"golang.org/x/sys/unix"
)

// Now is the time since the machine's start.
func Now() time.Duration { return read(unix.CLOCK_BOOTTIME) }

// Of is the moment at which the kernel stamped something, its time stamp being
// of the wall clock.
func Of(stamp time.Time) time.Duration {
	return Now() - (read(unix.CLOCK_REALTIME) - time.Duration(stamp.UnixNano()))
}

// SleepUntil waits until the clock shows at least that time. Unlike a Go timer
// it costs one thread and is late by microseconds: it paces the probe.
func SleepUntil(at time.Duration) {
	t := unix.NsecToTimespec(int64(at))
	for unix.ClockNanosleep(unix.CLOCK_BOOTTIME, unix.TIMER_ABSTIME, &t, nil) == unix.EINTR {
	}
}

func read(id int32) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(id, &t); err != nil {
		panic("clock: a clock that every kernel has is missing: " + err.Error())
	}
	return time.Duration(t.Nano())
}
