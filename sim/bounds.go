package sim

import "time"

// Bounds are how long the healing may take, in the one place where it is added
// up.
type Bounds struct {
	Serve    time.Duration // until somebody serves
	Failback time.Duration // until the primary does, and all is at rest
	Change   time.Duration // until a change of the floating IP is over
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
		refused   = time.Minute       // steer's pace after a change of the floating IP was refused
		denied    = 2 * time.Minute   // and of trying a permission again
		linger    = 30 * time.Second  // for so long no route may lead to a floating IP before it goes
	)
	verdict := leaseMax + 2*c.Silent + c.Confirm
	serve := operation + throttled + backoff + verdict + leaseMax + 2*c.Lease + watchPace + 3*write
	b := Bounds{Serve: serve, Failback: serve + readPace + max(forget, c.Hold) + c.Hold + 6*write + readPace}
	// Whoever serves goes on with the change, and begins again after the failback.
	b.Change = b.Failback + refused + 2*denied + linger + 6*write
	for i := range s.Faults {
		if s.Faults[i].Kind == Readdress {
			b.Failback = b.Change
		}
	}
	return b
}
