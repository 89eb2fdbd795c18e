package fleet_test

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"releve.dev/releve/channel/streams"
	"releve.dev/releve/manager/fleet"
	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/spool"
)

// Issue 5, 3: the manager reaches a service of a vSocket through its session; a
// stream that is stuck holds up nobody else; and a void serial number's streams
// end with its session (E9).
func TestDial(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		if _, err := w.fleet.Dial(t.Context(), site.MakeSerial(1), "short"); !errors.Is(err, fleet.ErrAway) {
			t.Errorf("a vSocket that isn't here: %v", err)
		}
		v := w.enrolled(1)
		v.serve = func(service string, conn net.Conn) {
			defer conn.Close()
			size := map[string]int{"short": 4096, "long": 4 << 20}[service]
			_, _ = conn.Write(make([]byte, size))
		}
		v.run()
		w.until(2*time.Second, "connected", v.connected)
		for service, want := range map[string]int{"short": 4096, "long": 4 << 20} {
			conn := w.open(v, service)
			if all, err := io.ReadAll(conn); err != nil || len(all) != want {
				t.Errorf("%s: %d bytes, %v", service, len(all), err)
			}
			conn.Close()
		}
		stuck := w.open(v, "long") // nobody reads it
		for range 100 {
			if _, err := v.spool.Append(spool.HA, []byte(`{"kind":"x"}`)); err != nil {
				t.Fatal(err)
			}
		}
		w.until(5*time.Second, "100 events are kept beside a stream that is stuck", func() bool {
			w.shelf.mu.Lock()
			defer w.shelf.mu.Unlock()
			return len(w.shelf.events) == 100
		})
		w.shelf.do(func(s *shelf) { s.void = append(s.void, v.serial) })
		w.bus.Publish(fleet.Wake{Void: []site.Serial{v.serial}})
		w.until(time.Second, "cut off", func() bool { return w.fleet.Sessions() == 0 })
		if _, err := io.Copy(io.Discard, stuck); !errors.Is(err, streams.ErrOver) {
			t.Errorf("a stream of a void vSocket ends with %v", err)
		}
	})
}

func (w *world) open(v *vsocket, service string) net.Conn {
	w.t.Helper()
	conn, err := w.fleet.Dial(w.t.Context(), v.serial, service)
	if err != nil {
		w.t.Fatal(err)
	}
	return conn
}
