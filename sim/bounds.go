package sim

import "time"

// Bounds are how long the healing may take, in the one place where it is added
// up.
type Bounds struct {
	Serve    time.Duration // until somebody serves
	Failback time.Duration // until the primary does, and all is at rest
}

func bounds(s *Schedule) Bounds {
	_, c := timers(s)
	const (
		leaseMax  = 3 * time.Second
		operation = 120 * time.Second // one that was begun before the healing, in the slowest profile
		backoff   = 10 * time.Second  // steer's longest, after refusals
		throttled = 60 * time.Second  // the longest Retry-After that is drawn
		write     = 4 * time.Second   // one in the healed profile
		readPace  = 10 * time.Second  // an active's
		watchPace = 2 * time.Second   // a standby's, while it needs something
		forget    = 5 * time.Minute   // takeovers older than this don't lengthen the hold
	)
	verdict := leaseMax + 2*c.Silent + c.Confirm
	serve := operation + throttled + backoff + verdict + leaseMax + 2*c.Lease + watchPace + 3*write
	return Bounds{Serve: serve, Failback: serve + readPace + max(forget, c.Hold) + c.Hold + 6*write + readPace}
}
