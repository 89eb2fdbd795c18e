package main

import (
	"errors"
	"os"
	"path/filepath"
	"time"
)

// served is a server under measurement, with the vSockets that connect to it.
type served struct {
	pid      int
	log      string
	ends     *actor
	vsockets float64

	before     used // with nobody connected
	connecting comeback
	cost       float64       // CPU seconds of the server to connect them
	spread     time.Duration // over which they came
	connected  float64       // memory then
	cpu, span  map[time.Duration]float64
	memory     []float64 // in the turns, each second
	live       float64   // after them
}

// used is a server's memory.
type used struct{ rss, live float64 }

// serve starts the vSockets of a server, which aren't connected yet.
func serve(pid int, log, dir, address, which string, vsockets int) (*served, error) {
	s := &served{pid: pid, log: log, vsockets: float64(vsockets), cpu: map[time.Duration]float64{}, span: map[time.Duration]float64{}}
	var err error
	s.ends, err = act("vsockets", dir, address, which)
	return s, err
}

// bareServer is one of a process of its own.
func bareServer(dir string) (a *actor, log, address string, err error) {
	log = filepath.Join(dir, "bare.log")
	said, err := appending(log)
	if err != nil {
		return nil, "", "", err
	}
	defer said.Close()
	cmd := again("bare-manager", dir)
	cmd.Env, cmd.Stderr = append(os.Environ(), collecting), said
	if a, err = actAs(cmd); err != nil {
		return nil, "", "", err
	}
	if err = a.tell(order{Do: "address"}, &address); err != nil {
		return nil, "", "", errors.Join(err, a.end())
	}
	return a, log, address, nil
}

// calm is how long a server has after much was done to it.
const calm = 5 * time.Second

// connect lets all vSockets come, evenly spread over a time, and report once or
// twice: what a server does for the first report of each isn't what it does for
// all others.
func (s *served) connect(spread time.Duration) (err error) {
	s.before.rss = anonymous(s.pid)
	if s.before.live, err = liveIn(s.log); err != nil {
		return err
	}
	began := cpuSeconds(s.pid)
	if err := s.ends.tell(order{Do: "connect", For: spread}, &s.connecting); err != nil {
		return err
	}
	<-time.After(calm)
	s.cost, s.connected, s.spread = cpuSeconds(s.pid)-began, anonymous(s.pid), spread
	if err := s.report(often); err != nil {
		return err
	}
	<-time.After(2 * often)
	if err := s.report(0); err != nil {
		return err
	}
	<-time.After(calm)
	return nil
}

// report sets the pace of reports; 0: none.
func (s *served) report(every time.Duration) error {
	return s.ends.tell(order{Do: "report", Every: every}, nil)
}

// steadily lets all report at the pace often, and waits until each has done so
// thrice: who was silent before is news, and written.
func steadily(all ...*served) error {
	for _, s := range all {
		if err := s.report(often); err != nil {
			return err
		}
	}
	<-time.After(3 * often)
	return nil
}

// turn measures servers whose vSockets report at a pace.
func turn(every, span time.Duration, all ...*served) error {
	for _, s := range all {
		if err := s.report(every); err != nil {
			return err
		}
	}
	<-time.After(calm)
	began, before := time.Now(), make([]float64, len(all))
	for i, s := range all {
		before[i] = cpuSeconds(s.pid)
	}
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for time.Since(began) < span {
		<-second.C
		for _, s := range all {
			s.memory = append(s.memory, anonymous(s.pid))
		}
	}
	for i, s := range all {
		s.cpu[every] += cpuSeconds(s.pid) - before[i]
		s.span[every] += time.Since(began).Seconds()
		if err := s.report(0); err != nil {
			return err
		}
	}
	return nil
}

// perThousand is the part of a core that a thousand vSockets took at a pace.
func (s *served) perThousand(every time.Duration) float64 {
	return s.cpu[every] / s.span[every] / s.vsockets * 1000
}

// residentEach is the memory of a connection as the kernel counts it, on average
// over the turns.
func (s *served) residentEach() float64 {
	sum := 0.0
	for _, bytes := range s.memory {
		sum += bytes
	}
	return (sum/float64(len(s.memory)) - s.before.rss) / s.vsockets
}

func (s *served) connectedEach() float64 { return (s.connected - s.before.rss) / s.vsockets }

// look reads what the last collection has left.
func (s *served) look() (err error) {
	s.live, err = liveIn(s.log)
	return err
}

// liveEach is what of a connection's memory a collection leaves.
func (s *served) liveEach() float64 { return (s.live - s.before.live) / s.vsockets }

// restart kills a manager and starts it again at once, and waits until all its
// vSockets are back.
func (s *served) restart(p *program) (back comeback, cost float64, err error) {
	if err := s.ends.tell(order{Do: "mark"}, nil); err != nil {
		return back, 0, err
	}
	if err := errors.Join(p.kill(), p.start()); err != nil {
		return back, 0, err
	}
	s.pid = p.cmd.Process.Pid
	err = s.ends.tell(order{Do: "back"}, &back)
	return back, cpuSeconds(s.pid), err
}
