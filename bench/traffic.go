package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"releve.dev/releve/lab/azuresite"
)

// flow is what TCP carried.
type flow struct {
	Rate  float64 // bytes a second
	Bytes float64 // with what was carried before the measurement
}

// trips are the times of round trips, in seconds.
type trips struct {
	Median, P99 float64
	Lost, Sent  int
}

func (w *way) measure(o order) (any, error) {
	switch o.Do {
	case "tcp":
		return w.tcp(o.Streams, o.Back, o.For)
	case "trips":
		return w.trips(o.For, o.Every)
	}
	return nil, fmt.Errorf("unknown order %q", o.Do)
}

// warm is how long TCP has for its windows to open.
const warm = 500 * time.Millisecond

// dialled is how long a connection may take to open.
const dialled = 5 * time.Second

// tcp sends as much as it can over some connections, up or back.
func (w *way) tcp(streams int, back bool, span time.Duration) (*flow, error) {
	listener, err := w.far.Listen(netip.AddrPortFrom(azuresite.InternetAddr, 0).String())
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	var conns []net.Conn
	var count atomic.Int64
	var running sync.WaitGroup
	stop := func() {
		for _, c := range conns {
			c.Close()
		}
		running.Wait()
	}
	defer stop()
	for range streams {
		from, err := w.near.Dial(listener.Addr().String(), dialled)
		if err != nil {
			return nil, err
		}
		conns = append(conns, from)
		to, err := listener.Accept()
		if err != nil {
			return nil, err
		}
		conns = append(conns, to)
		if back {
			from, to = to, from
		}
		running.Go(func() { pour(from) })
		running.Go(func() { drain(to, &count) })
	}
	<-time.After(warm)
	before, began := count.Load(), time.Now()
	<-time.After(span)
	carried, took := count.Load()-before, time.Since(began)
	stop()
	if carried == 0 {
		return nil, errors.New("nothing was carried")
	}
	return &flow{Rate: float64(carried) / took.Seconds(), Bytes: float64(count.Load())}, nil
}

func pour(to net.Conn) {
	chunk := make([]byte, 256<<10)
	for {
		if _, err := to.Write(chunk); err != nil {
			return
		}
	}
}

func drain(from net.Conn, count *atomic.Int64) {
	chunk := make([]byte, 256<<10)
	for {
		n, err := from.Read(chunk)
		count.Add(int64(n))
		if err != nil {
			return
		}
	}
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
