package config

import "time"

// Default is what a file that says nothing means. Its optional sections are
// absent; DefaultHA, defaultAzure and DefaultCloud are theirs.
func Default() Config {
	return Config{
		StateDir: "/var/lib/releve",
		RunDir:   "/run/releve",
		Probes:   Probes{Interval: 250 * time.Millisecond, Failures: 4, Recovery: 8},
	}
}

// DefaultHA is ha.md's timers. Lease is as long as Silent unless given
// (fillIn), so that it follows a shorter one.
func DefaultHA() HA {
	return HA{
		Generation: 1,
		Keepalive:  50 * time.Millisecond,
		Silent:     200 * time.Millisecond,
		Lease:      200 * time.Millisecond,
		Confirm:    time.Second,
		Preempt:    PreemptOn,
		Hold:       10 * time.Second,
		Alone:      AloneStay,
	}
}

func defaultAzure() Azure {
	return Azure{
		Endpoint: "https://management.azure.com",
		IMDS:     "http://169.254.169.254",
	}
}
