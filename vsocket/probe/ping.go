package probe

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"time"
)

// Ping is one run of the ping tool (F4).
type Ping struct {
	Interface string // goes out here
	To        netip.Addr
	Count     int
	Interval  time.Duration
	Timeout   time.Duration // for each reply
}

// Reply is one line of it. RTT is 0 if no reply came in time.
type Reply struct {
	Seq   int           `json:"seq"`
	From  netip.Addr    `json:"from"`
	Bytes int           `json:"bytes"`
	RTT   time.Duration `json:"rtt_ns"`
}

// Result sums a run up.
type Result struct {
	Sent     int           `json:"sent"`
	Received int           `json:"received"`
	Min      time.Duration `json:"min_ns"`
	Mean     time.Duration `json:"mean_ns"`
	Max      time.Duration `json:"max_ns"`
}

// Run pings and gives each reply, or its absence, to emit as it comes.
func (p Ping) Run(ctx context.Context, emit func(Reply)) (Result, error) {
	socket, err := openEcho(p.Interface)
	if err != nil {
		return Result{}, err
	}
	stop := context.AfterFunc(ctx, func() { _ = socket.close() })
	defer func() {
		if stop() {
			_ = socket.close()
		}
	}()
	var result Result
	var sum time.Duration
	for seq := 1; seq <= p.Count && ctx.Err() == nil; seq++ {
		began := time.Now()
		reply, err := p.once(socket, seq)
		if err != nil && ctx.Err() != nil {
			break // it cut this question off
		}
		if err != nil {
			return result, err
		}
		result.Sent++
		if reply.RTT > 0 {
			result.add(reply.RTT)
			sum += reply.RTT
		}
		emit(reply)
		if seq < p.Count {
			wait(ctx, p.Interval-time.Since(began))
		}
	}
	if result.Received > 0 {
		result.Mean = sum / time.Duration(result.Received)
	}
	return result, nil
}

func (r *Result) add(rtt time.Duration) {
	if r.Received == 0 || rtt < r.Min {
		r.Min = rtt
	}
	r.Max = max(r.Max, rtt)
	r.Received++
}

// once sends one echo and waits for its reply. A network that can't be reached
// is a lost reply, as it may come back.
func (p Ping) once(socket *echoSocket, seq int) (Reply, error) {
	reply := Reply{Seq: seq, From: p.To}
	began := time.Now()
	_ = socket.send(p.To, uint16(seq))
	if err := socket.conn.SetReadDeadline(began.Add(p.Timeout)); err != nil {
		return reply, err
	}
	buf := make([]byte, 2048)
	for {
		from, got, size, err := socket.next(buf)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return reply, nil
		case err != nil:
			return reply, err
		case from == p.To && got == uint16(seq):
			reply.Bytes, reply.RTT = size, max(1, time.Since(began))
			return reply, nil
		}
	}
}

func wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
