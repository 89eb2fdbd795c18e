package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"

	contract "releve.dev/releve/channel"
	"releve.dev/releve/manager/authority"
	"releve.dev/releve/manager/fleet"
)

// bare is the peer that the manager is measured against: the same contract, TLS,
// web server and messages, and nothing done with what comes.
type bare struct {
	contract.UnimplementedChannelHandler
	messages atomic.Uint64
}

// serveBare is the actor.
func serveBare(dir string) error {
	b, address, err := listenBare(dir)
	if err != nil {
		return err
	}
	return obey(func(o order) (any, error) {
		switch o.Do {
		case "address":
			return address, nil
		case "messages":
			return b.messages.Load(), nil
		}
		return nil, fmt.Errorf("unknown order %q", o.Do)
	})
}

// listenBare serves to this process's end, in the name of a data directory's
// authority.
func listenBare(dir string) (_ *bare, address string, err error) {
	ca, err := authority.Open(authorityOf(dir))
	if err != nil {
		return nil, "", err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	devices := x509.NewCertPool()
	devices.AddCert(ca.Certificate())
	config := &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"}, ClientAuth: tls.RequireAndVerifyClientCert,
		ClientCAs: devices, GetCertificate: ca.Server()}
	b := &bare{}
	mux := http.NewServeMux()
	mux.Handle(contract.NewChannelHandler(b, connect.WithReadMaxBytes(contract.MaxMessage), connect.WithCompressMinBytes(4<<10)))
	server := fleet.Server(mux, config, slog.New(slog.DiscardHandler))
	go func() { _ = server.ServeTLS(l, "", "") }()
	return b, l.Addr().String(), nil
}

// Converse says Welcome, and something as often as the manager does, and reads.
func (b *bare) Converse(_ context.Context, stream *connect.BidiStream[contract.Up, contract.Down]) error {
	if _, err := stream.Receive(); err != nil {
		return err
	}
	if err := stream.Send(&contract.Down{Message: &contract.Down_Welcome{Welcome: &contract.Welcome{
		HeartbeatMs: uint32(contract.HeartbeatEvery.Milliseconds()), NowMs: time.Now().UnixMilli()}}}); err != nil {
		return err
	}
	beat := &beating{stream: stream}
	beat.again()
	defer beat.stop()
	for {
		if _, err := stream.Receive(); err != nil {
			return err
		}
		b.messages.Add(1)
	}
}

// beating needs no goroutine while it waits.
type beating struct {
	stream *connect.BidiStream[contract.Up, contract.Down]
	mu     sync.Mutex
	over   bool
}

func (b *beating) again() { time.AfterFunc(contract.HeartbeatEvery, b.beat) }

func (b *beating) beat() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.over && b.stream.Send(&contract.Down{Message: &contract.Down_Heartbeat{Heartbeat: &contract.Heartbeat{}}}) == nil {
		b.again()
	}
}

func (b *beating) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
}
