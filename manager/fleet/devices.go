package fleet

import (
	"sync"
	"time"

	"releve.dev/releve/channel"
	"releve.dev/releve/site"
)

// Device is what this manager knows of a device that it serves or has served.
type Device struct {
	Serial    site.Serial
	Connected bool
	Since     time.Time // when it connected, or was last connected
	Heard     time.Time // when it last said anything
	Remote    string
	Version   string
	Machine   string
	Delivered uint64 // generation of the settings on its disk
	Applied   uint64 // generation that it runs with
	Problem   string // why delivered isn't applied
	Status    []byte // its last report: JSON, or nil
	Reported  time.Time
}

// device is one that was seen since this manager started. All of it but the
// session's own part is guarded by the fleet's lock.
type device struct {
	known    Device
	session  *session
	watchers map[chan struct{}]bool
}

// Device returns what is known; ok is false for one that was not here since this
// manager started.
func (f *Fleet) Device(serial site.Serial) (_ Device, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.devices[serial]
	if d == nil || d.known.Serial == "" {
		return Device{}, false
	}
	return d.known, true
}

// Sessions is how many devices are connected to this manager.
func (f *Fleet) Sessions() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.live
}

// Watch gets a value after each change of one of the devices, or after several.
// While somebody watches, a device reports each second.
func (f *Fleet) Watch(serials ...site.Serial) (changes <-chan struct{}, stop func()) {
	fresh := make(chan struct{}, 1)
	f.watch(serials, func(d *device) { d.watchers[fresh] = true })
	return fresh, sync.OnceFunc(func() {
		f.watch(serials, func(d *device) { delete(d.watchers, fresh) })
	})
}

func (f *Fleet) watch(serials []site.Serial, change func(*device)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, serial := range serials {
		d := f.deviceOf(serial)
		change(d)
		if d.session != nil {
			d.session.poke()
		}
	}
}

// deviceOf needs the lock.
func (f *Fleet) deviceOf(serial site.Serial) *device {
	d := f.devices[serial]
	if d == nil {
		d = &device{watchers: map[chan struct{}]bool{}}
		f.devices[serial] = d
	}
	return d
}

// note changes what is known of a session's device, unless another session has
// taken its place, and tells who watches.
func (f *Fleet) note(s *session, change func(*Device)) {
	f.mu.Lock()
	d := f.devices[s.serial]
	if d.session != s {
		f.mu.Unlock()
		return
	}
	change(&d.known)
	d.changed()
	known := d.known
	f.mu.Unlock()
	f.c.Known(known)
}

// changed needs the lock.
func (d *device) changed() {
	for w := range d.watchers {
		select {
		case w <- struct{}{}:
		default:
		}
	}
}

// enter makes a session the device's one. The same machine's older session gives
// way: its end was not heard of yet. Another machine's doesn't.
func (f *Fleet) enter(s *session, hello *channel.Hello, now time.Time) error {
	known, err := f.take(s, hello, now)
	if err == nil {
		f.c.Known(known)
	}
	return err
}

func (f *Fleet) take(s *session, hello *channel.Hello, now time.Time) (Device, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.void[s.serial] {
		return Device{}, refuseVoid(s.serial)
	}
	if f.draining {
		return Device{}, channel.Refuse(channel.Refusal_DRAINING, "this manager is about to stop")
	}
	d := f.deviceOf(s.serial)
	if d.session != nil {
		if d.known.Machine != hello.Machine && now.Sub(d.known.Heard) < f.silence() {
			return Device{}, channel.Refuse(channel.Refusal_CLONE, "another machine with the identity of "+string(s.serial)+
				" is connected, from "+d.known.Remote+"\nhint: a disk was copied; deploy a new vSocket with its own serial number instead")
		}
		d.session.cut(channel.Refuse(channel.Refusal_BUSY, "a newer session has taken this one's place"))
	} else {
		f.live++
	}
	d.session = s
	known := Device{Serial: s.serial, Connected: true, Since: now, Heard: now, Remote: s.remote,
		Version: hello.Version, Machine: hello.Machine, Delivered: hello.Delivered, Applied: hello.Applied,
		Status: d.known.Status, Reported: d.known.Reported}
	d.known = known
	d.changed()
	return known, nil
}

// leave ends a session; another may have taken its place.
func (f *Fleet) leave(s *session) (mine bool) {
	known, mine := f.release(s)
	if mine {
		f.c.Known(known)
	}
	return mine
}

func (f *Fleet) release(s *session) (_ Device, mine bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.devices[s.serial]
	if d.session != s {
		return Device{}, false
	}
	d.session = nil
	d.known.Connected = false
	d.changed()
	f.live--
	if f.live == 0 && f.draining {
		select {
		case <-f.idle:
		default:
			close(f.idle)
		}
	}
	return d.known, true
}

func (f *Fleet) silence() time.Duration { return 3 * f.c.Heartbeat }
