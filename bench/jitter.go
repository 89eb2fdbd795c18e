package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"releve.dev/releve/priority"
	"releve.dev/releve/vsocket/lan"
	"releve.dev/releve/wire/auth"
	"releve.dev/releve/wire/keepalive"
)

const (
	jitterInterval = 10 * time.Millisecond
	jitterFor      = 20 * time.Second
	jitterPort     = 24480 // not the product's: a vSocket may run here
)

var jitterEnds = [2]netip.Addr{netip.MustParseAddr("127.44.80.1"), netip.MustParseAddr("127.44.80.2")}

// jitter measures how much later than the interval a keepalive is seen, from
// process to process over loopback, with the product's own sockets and priority.
func jitter() (string, error) {
	var rows [][]string
	for _, busy := range []int{0, 4 * runtime.NumCPU()} {
		for _, raise := range []bool{false, true} {
			row, err := jitterRow(busy, raise)
			if err != nil {
				return "", err
			}
			rows = append(rows, row)
		}
	}
	text := fmt.Sprintf("Gap between two arrivals less the interval of %s, in ms, over %s a row: two processes on loopback, with and without\n"+
		"the agent's priority, on an idle machine and beside busy loops. A silence is believed after 50 ms at the fastest.\n\n",
		jitterInterval, jitterFor)
	return text + table([]string{"priority", "busy loops", "p50", "p99", "p99.9", "max", "datagrams"}, rows), nil
}

func jitterRow(busy int, raise bool) ([]string, error) {
	var others []*exec.Cmd
	defer func() {
		for _, cmd := range others {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}()
	start := func(args ...string) error {
		cmd := again(args...)
		others = append(others, cmd)
		return cmd.Start()
	}
	for range busy {
		if err := start("burn"); err != nil {
			return nil, err
		}
	}
	if err := start("send", strconv.FormatBool(raise)); err != nil {
		return nil, err
	}
	out, err := again("receive", strconv.FormatBool(raise)).Output()
	if err != nil {
		return nil, err
	}
	level, figures, ok := strings.Cut(strings.TrimSpace(string(out)), "\t")
	if !ok {
		return nil, fmt.Errorf("the receiver said %q", out)
	}
	return append([]string{level, strconv.Itoa(busy)}, strings.Split(figures, "\t")...), nil
}

func burn() {
	for end := time.Now().Add(2 * jitterFor); time.Now().Before(end); {
		for range 1 << 20 {
		}
	}
}

func open(self int) (*lan.Links, error) {
	path := lan.Path{Interface: "lo", Local: jitterEnds[self], Peer: jitterEnds[1-self]}
	other := path
	other.Local, other.Peer = path.Local.Next().Next(), path.Peer.Next().Next()
	return lan.Open([keepalive.Paths]lan.Path{keepalive.LAN: path, keepalive.MGMT: other}, jitterPort)
}

func send() error {
	links, err := open(0)
	if err != nil {
		return err
	}
	pace := time.NewTicker(jitterInterval)
	defer pace.Stop()
	mac := auth.NewHMAC(make([]byte, 32))
	var message keepalive.Message
	var datagram []byte
	for end := time.Now().Add(2 * jitterFor); time.Now().Before(end); message.Seq++ {
		datagram = keepalive.Append(datagram[:0], &message, mac)
		links.Send(keepalive.LAN, datagram)
		<-pace.C
	}
	return nil
}

func receive(level priority.Level) error {
	links, err := open(1)
	if err != nil {
		return err
	}
	wake := make(chan struct{}, 1)
	links.Watch(func(keepalive.Path) { wake <- struct{}{} })
	var excess []time.Duration
	var last time.Time
	var lastSeq uint64
	end := time.After(jitterFor)
	for {
		select {
		case <-wake:
			links.Drain(func(_ keepalive.Path, datagram []byte) {
				now, seq := time.Now(), binary.BigEndian.Uint64(datagram[24:])
				if !last.IsZero() {
					excess = append(excess, max(0, now.Sub(last)-time.Duration(seq-lastSeq)*jitterInterval))
				}
				last, lastSeq = now, seq
			})
		case <-end:
			return printExcess(level, excess)
		}
	}
}

func printExcess(level priority.Level, excess []time.Duration) error {
	if len(excess) < 100 {
		return errors.New("next to nothing was received")
	}
	slices.Sort(excess)
	at := func(q float64) string { return ms(excess[int(q*float64(len(excess)-1))]) }
	_, err := fmt.Printf("%s\t%s\t%s\t%s\t%s\t%d\n", level, at(0.5), at(0.99), at(0.999), at(1), len(excess))
	return err
}

func ms(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d)/float64(time.Millisecond)) }
