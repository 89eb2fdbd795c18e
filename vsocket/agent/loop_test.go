package agent

import (
	"context"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"releve.dev/releve/core/steer"
	"releve.dev/releve/site"
	"releve.dev/releve/wire/auth"
	"releve.dev/releve/wire/keepalive"
)

// stillPorts take everything and answer nothing.
type stillPorts struct{ sent, noted int }

func (p *stillPorts) Send(keepalive.Path, []byte)  { p.sent++ }
func (p *stillPorts) Serve(time.Duration) error    { return nil }
func (p *stillPorts) Drain(time.Duration) error    { return nil }
func (p *stillPorts) Down(bool) error              { return nil }
func (p *stillPorts) FloatingIP(bool) error        { return nil }
func (p *stillPorts) Addresses([]netip.Addr) error { return nil }
func (p *stillPorts) Load() ([]byte, bool, error)  { return nil, false, nil }
func (p *stillPorts) Save([]byte) error            { return nil }
func (p *stillPorts) Append(site.Entry)            { p.noted++ }
func (p *stillPorts) Start(steer.Request)          {}
func startNothing() Metadata                       { return nothing{} }

type nothing struct{}

func (nothing) Start() {}

// The loop sends each interval, answers questions in between, empties the
// sockets before each tick, and ends when it is told to.
func TestLoopTicksDrainsAndStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		clock := func() time.Duration { return time.Hour + time.Since(begin) }
		ports := &stillPorts{}
		driver, err := NewDriver(testConfig(site.Primary), Ports{Links: ports, Gate: ports, Guest: ports, Cloud: ports,
			Metadata: startNothing(), Store: ports, Journal: ports, MAC: auth.NewChecksum([]byte("k")), Wall: time.Now},
			site.BootID{1}, 1, clock())
		if err != nil {
			t.Fatal(err)
		}
		drained := 0
		loop := NewLoop(driver, clock, func() { drained++ })
		stop, done := make(chan struct{}), make(chan error)
		go func() { done <- loop.Run(stop) }()

		<-time.After(time.Second) // of the bubble's clock
		synctest.Wait()
		if want := 20 * int(keepalive.Paths); ports.sent < want || ports.sent > want+4 {
			t.Errorf("%d datagrams in a second of 50 ms keepalives on two paths", ports.sent)
		}
		if drained < 20 {
			t.Errorf("the sockets were emptied %d times", drained)
		}
		status, err := loop.Status(context.Background())
		if err != nil || status.Role != site.Mute {
			t.Errorf("status %+v, %v", status, err)
		}
		stop <- struct{}{}
		if err := <-done; err != nil {
			t.Errorf("ended with %v", err)
		}
	})
}
