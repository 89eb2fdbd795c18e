package sim

import "time"

// clock is a guest's: another origin than the world's, another rate, and it
// may stand still.
type clock struct {
	base   time.Duration // what it showed
	at     time.Duration // at this instant of the world
	ppm    int64         // faster by so many millionths
	frozen bool
}

func (c *clock) local(now time.Duration) time.Duration {
	if c.frozen {
		return c.base
	}
	gone := now - c.at
	return c.base + gone + gone*time.Duration(c.ppm)/1e6
}

// world is the first instant at which the clock shows local or more.
func (c *clock) world(local time.Duration) time.Duration {
	ahead := local - c.base
	if ahead > 1<<53 {
		return never
	}
	now := c.at + ahead
	for off := ahead; off != 0; now += off {
		off = local - c.local(now)
		if off < 0 && c.local(now-1) < local {
			break
		}
	}
	return now
}

func (c *clock) freeze(now time.Duration) { c.base, c.frozen = c.local(now), true }

func (c *clock) thaw(now time.Duration) { c.at, c.frozen = now, false }

const never = time.Duration(1<<63 - 1)
