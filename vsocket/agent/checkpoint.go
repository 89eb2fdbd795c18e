package agent

import (
	"time"

	"releve.dev/releve/core/fitness"
	"releve.dev/releve/core/ha"
	"releve.dev/releve/core/steer"
	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/agent/freeze"
)

// mind is all that a driver has in mind between two calls, besides what it was
// made with.
type mind struct {
	ha       *ha.Machine
	steer    *steer.Machine
	judge    *fitness.Judge
	now      time.Duration
	received site.Received
	since    map[string]indicator
	lookAt   time.Duration
	stopped  bool
	sum      uint64 // of what was done so far
}

func (d *Driver) mind(sum uint64) *mind {
	return &mind{d.ha, d.steer, d.judge, d.now, d.received, d.since, d.lookAt, d.stopped, sum}
}

// freeze writes a checkpoint.
func (d *Driver) freeze(sum uint64) []byte { return freeze.Append(nil, d.mind(sum)) }

// thaw puts a checkpoint's mind into a new driver.
func (d *Driver) thaw(checkpoint []byte) (sum uint64, err error) {
	m := d.mind(0)
	if err := freeze.Thaw(checkpoint, m); err != nil {
		return 0, err
	}
	if m.ha == nil || m.steer == nil || m.judge == nil || m.since == nil {
		return 0, freeze.ErrOther
	}
	d.ha, d.steer, d.judge, d.now, d.received, d.since, d.lookAt, d.stopped = m.ha, m.steer, m.judge, m.now, m.received, m.since, m.lookAt, m.stopped
	return m.sum, nil
}

// layout says which programs can read a checkpoint.
func layout() uint64 { return freeze.Layout(&mind{}) }
