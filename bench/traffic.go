package main

import (
	"fmt"
	"net"
	"slices"
	"time"

	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/lab/world"
)

// trips are the times of round trips, in seconds.
type trips struct {
	Median, P99 float64
	Lost, Sent  int
}

func (w *way) measure(o order) (any, error) {
	switch o.Do {
	case "open":
		return nil, w.open(o.Streams, o.Back)
	case "tcp":
		return w.flows.burst(o.For)
	case "shut":
		w.shut()
		return nil, nil
	case "trips":
		return w.trips(o.For, o.Every)
	case "closed":
		return w.closed(), nil
	}
	return nil, fmt.Errorf("unknown order %q", o.Do)
}

// late is when a round trip counts as lost.
const late = 500 * time.Millisecond

// trips sends a datagram of 100 bytes and waits for its echo, at a light pace.
func (w *way) trips(span, every time.Duration) (*trips, error) {
	far, err := w.far.ListenUDP(&net.UDPAddr{IP: azuresite.InternetAddr.AsSlice()})
	if err != nil {
		return nil, err
	}
	defer far.Close()
	go echo(far)
	near, err := w.near.ListenUDP(&net.UDPAddr{IP: azuresite.VM1Addr.AsSlice()})
	if err != nil {
		return nil, err
	}
	defer near.Close()
	to := far.LocalAddr().(*net.UDPAddr).AddrPort()
	var all []time.Duration
	result, buf := &trips{}, make([]byte, 100)
	pace := time.NewTicker(every)
	defer pace.Stop()
	for end := time.Now().Add(span); time.Now().Before(end); <-pace.C {
		began := time.Now()
		result.Sent++
		if _, err = near.WriteToUDPAddrPort(buf, to); err == nil {
			err = near.SetReadDeadline(began.Add(late))
		}
		if err == nil {
			_, err = near.Read(buf)
		}
		if err != nil {
			result.Lost++
			continue
		}
		all = append(all, time.Since(began))
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no echo came back: %w", err)
	}
	slices.Sort(all)
	result.Median, result.P99 = all[len(all)/2].Seconds(), all[len(all)*99/100].Seconds()
	return result, nil
}

// closed is how often the primary's gate has closed: whoever is active and at full
// speed must still hear its witness.
func (w *way) closed() (count int) {
	for _, e := range w.world.Journal(world.Primary) {
		if e.What == "gate closed" {
			count++
		}
	}
	return count
}

func echo(conn *net.UDPConn) {
	buf := make([]byte, 200)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		_, _ = conn.WriteToUDPAddrPort(buf[:n], from)
	}
}
