package main

import (
	"errors"
	"net/netip"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/core/steer"
	"releve.dev/releve/disk"
	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/config"
)

// five are floating IPs.
var five = func() (list [6]netip.Addr) {
	for i := range list {
		list[i] = netip.AddrFrom4([4]byte{10, 102, 2, byte(200 + i)})
	}
	return list
}()

// aChange is a change of the floating IP with a steering that says what it is to
// say, and time that passes when told to.
type aChange struct {
	readdress
	t      *testing.T
	now    time.Duration
	posted chan func(time.Duration)
	agreed bool
	told   addresses // the steering, last
	step   steer.Step
	unread []string
}

func (c *aChange) FloatingIP(_ time.Duration, addr netip.Addr, change steer.Change) {
	c.told = addresses{addr, change}
}

func (c *aChange) FIPChange() *site.FIPChange {
	if len(c.told.Former) == 0 {
		return nil
	}
	return &site.FIPChange{Step: string(c.step), Former: c.told.Former, Unread: c.unread}
}

// begin is a life with settings that have this floating IP.
func (c *aChange) begin(addr netip.Addr) {
	c.readdress = newReaddress(c.folder, addr)
	c.driver, c.told = c, c.addresses
	c.post = func(fn func(time.Duration)) { c.posted <- fn }
}

func newChange(t *testing.T) *aChange {
	folder, err := disk.Own(t.TempDir())
	must(t, err)
	t.Cleanup(func() { folder.Close() })
	c := &aChange{t: t, now: time.Hour, posted: make(chan func(time.Duration)), agreed: true, step: steer.Waits}
	c.folder = folder
	c.begin(five[0])
	return c
}

// look lets time pass in steps, and the disk do its work.
func (c *aChange) look(d time.Duration, want netip.Addr) {
	for end := c.now + d; ; c.now += 100 * time.Millisecond {
		c.review(c.now, want, c.agreed)
		c.write()
		if c.now >= end {
			return
		}
	}
}

func (c *aChange) write() {
	if c.busy {
		(<-c.posted)(c.now)
	}
}

// is compares what the steering was told last, and what another life would begin with.
func (c *aChange) is(told, kept addresses) {
	c.t.Helper()
	if again := loadAddresses(c.folder, c.applied); !reflect.DeepEqual(c.told, told) || !reflect.DeepEqual(again, kept) {
		c.t.Errorf("at %s the steering was told %v, want %v; kept is %v, want %v", c.now-time.Hour, c.told, told, again, kept)
	}
}

func (c *aChange) says(want netip.Addr, text string) {
	c.t.Helper()
	if says := c.readdress.says(want); (says == "") != (text == "") || !strings.Contains(says, text) {
		c.t.Errorf("says %q, want %q", says, text)
	}
}

func former(addrs ...netip.Addr) steer.Change { return steer.Change{Former: addrs} }

// R14: nothing before both hold the settings; then it is written down, and the
// steering is told when the other has done that as well. In the end it is forgotten,
// but not before another life would begin with the new one.
func TestAFloatingIPChangesR14(t *testing.T) {
	c, a, b := newChange(t), five[0], five[1]
	before, change := addresses{To: a}, addresses{b, former(a)}
	c.agreed = false
	c.look(time.Minute, b)
	c.is(before, before)
	c.says(b, "changes to 10.102.2.201 once both vSockets have the settings")
	c.agreed = true
	c.look(bothKept-200*time.Millisecond, b)
	c.is(before, change)
	c.agreed = false // the other restarts just now
	c.look(0, b)
	c.agreed = true
	c.look(bothKept-200*time.Millisecond, b)
	c.is(before, change)
	c.look(time.Second, b)
	c.is(change, change)
	c.step, c.unread = steer.Routes, []string{"may not read"}
	c.says(b, "releve-vsocket fip-moved")
	if c.look(time.Hour, b); c.runs(b) {
		t.Error("counts as applied")
	}
	c.step = steer.Done
	if c.look(time.Minute, b); !c.runs(b) {
		t.Error("doesn't count")
	}
	c.says(b, "")
	c.is(change, change)
	c.applied = b
	c.look(time.Minute, netip.Addr{})
	c.is(addresses{To: b}, addresses{To: b})
	if _, err := readAddresses(c.folder); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("is still on the disk: %v", err)
	}
}

// A restart in the middle goes on with both, whatever settings it begins with.
func TestARestartInAChange(t *testing.T) {
	c, a, b := newChange(t), five[0], five[1]
	c.look(time.Second, b)
	c.begin(a)
	c.is(addresses{b, former(a)}, addresses{b, former(a)})
	c.begin(b)
	c.is(addresses{b, former(a)}, addresses{b, former(a)})
	c.begin(five[2])
	c.is(addresses{five[2], former(b, a)}, addresses{five[2], former(b, a)})
	must(t, disk.Replace(c.folder, addressesFile, []byte("{}")))
	c.begin(a)
	c.is(addresses{To: a}, addresses{To: a})
}

// Further changes in the middle of one forget no address, and with too many the
// present one comes first. One that goes back counts too.
func TestChangesInAChange(t *testing.T) {
	c := newChange(t)
	for _, want := range five[1:5] {
		c.look(bothKept, want)
	}
	all := addresses{five[4], former(five[3], five[2], five[1], five[0])}
	c.is(all, all)
	c.look(time.Minute, five[5])
	c.is(all, all)
	c.says(five[5], "when the change to 10.102.2.204 is over")
	c.look(bothKept, five[0])
	back := addresses{five[0], former(five[4], five[3], five[2], five[1])}
	c.is(back, back)
	c.step = steer.Done
	c.look(bothKept, five[5])
	c.is(addresses{five[5], former(five[0])}, addresses{five[5], former(five[0])})
	c.look(bothKept, five[1]) // the last one is over, but its settings haven't run
	c.is(addresses{five[1], former(five[5], five[0])}, addresses{five[1], former(five[5], five[0])})
}

// A person's word is kept, and told at once; another change makes it void.
func TestAPersonsWordIsKept(t *testing.T) {
	c, a, b := newChange(t), five[0], five[1]
	word := func() error {
		answer := make(chan error, 1)
		c.word(answer)
		c.write()
		return <-answer
	}
	if err := word(); err == nil {
		t.Error("taken with no change under way")
	}
	c.look(bothKept, b)
	c.agreed = false // the other has died
	must(t, word())
	c.look(0, b)
	moved := addresses{b, steer.Change{Former: []netip.Addr{a}, Moved: true}}
	c.is(moved, moved)
	c.agreed = true
	c.look(bothKept, five[2])
	c.is(addresses{five[2], former(b, a)}, addresses{five[2], former(b, a)})
}

// spoilt is a disk that is full.
type spoilt struct{ disk.Folder }

var errFull = errors.New("no space left")

func (spoilt) Create(string) (disk.File, error) { return nil, errFull }

// What can't be written down isn't begun, and is tried again.
func TestAChangeThatCantBeKept(t *testing.T) {
	c, b := newChange(t), five[1]
	disk := c.folder
	c.folder = spoilt{disk}
	c.look(diskRetry-time.Second, b)
	c.folder = disk
	c.is(addresses{To: five[0]}, addresses{To: five[0]})
	c.look(time.Second+bothKept, b)
	c.is(addresses{b, former(five[0])}, addresses{b, former(five[0])})
	c.folder = spoilt{disk}
	answer := make(chan error, 1)
	c.word(answer)
	c.write()
	if err := <-answer; !errors.Is(err, errFull) {
		t.Errorf("a person is told %v", err)
	}
}

// Which settings a running pair takes: a floating IP too.
func TestLater(t *testing.T) {
	base := func() *config.Config {
		c, ha := config.Default(), config.DefaultHA()
		c.HA = &ha
		ha.FloatingIP, ha.Third = five[0], config.ThirdWitness
		c.Egress = config.EgressTunnel
		c.Cloud = &config.Cloud{SiteID: 5, WitnessKey: "k", PoPs: []config.PoP{{Name: "pop1"}, {Name: "pop2"}}}
		return &c
	}
	for name, k := range map[string]struct {
		change func(*config.Config)
		why    string
		anew   bool
	}{
		"nothing":              {func(*config.Config) {}, "", false},
		"the floating IP":      {func(c *config.Config) { c.HA.FloatingIP = five[1] }, "", false},
		"that and the way":     {func(c *config.Config) { c.HA.FloatingIP, c.Egress = five[1], config.EgressNAT }, "standby at rest", true},
		"a PoP more":           {func(c *config.Config) { c.Cloud.PoPs = append(c.Cloud.PoPs, config.PoP{Name: "pop3"}) }, "standby at rest", true},
		"a PoP less":           {func(c *config.Config) { c.Cloud.PoPs = c.Cloud.PoPs[:1] }, "stop both agents", false},
		"the site's number":    {func(c *config.Config) { c.Cloud.SiteID = 6 }, "stop both agents", false},
		"who grants the terms": {func(c *config.Config) { c.HA.Third = config.ThirdARM }, "stop both agents", false},
	} {
		next := base()
		k.change(next)
		why, anew := later(base(), next)
		if (why == "") != (k.why == "") || !strings.Contains(why, k.why) || anew != k.anew {
			t.Errorf("%s: %q, %v", name, why, anew)
		}
	}
}
