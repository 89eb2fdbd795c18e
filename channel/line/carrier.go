package line

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"time"

	"connectrpc.com/connect"

	"releve.dev/releve/channel"
)

// Dial makes a connection to the manager; nil is net.Dialer's.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Carrier is one connection to the manager, on HTTP/2, by the proxy that the
// environment names if any.
type Carrier struct {
	Client    channel.ChannelClient
	transport *http.Transport

	mu    sync.Mutex
	conns []net.Conn
	over  bool
}

// Carry makes a carrier that dials when it is used; most is how many bytes an
// envelope from the manager may have.
func Carry(manager string, dial Dial, config *tls.Config, most int) *Carrier {
	if dial == nil {
		dial = (&net.Dialer{Timeout: 10 * time.Second}).DialContext
	}
	c := &Carrier{}
	protocols := &http.Protocols{}
	protocols.SetHTTP2(true)
	c.transport = &http.Transport{
		Proxy: http.ProxyFromEnvironment, Protocols: protocols, TLSClientConfig: config, TLSHandshakeTimeout: 15 * time.Second,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return conn, c.keep(conn)
		},
	}
	c.Client = channel.NewChannelClient(&http.Client{Transport: c.transport}, "https://"+manager,
		connect.WithReadMaxBytes(most), connect.WithAcceptCompression("gzip", nil, nil))
	return c
}

func (c *Carrier) keep(conn net.Conn) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return conn.Close()
	}
	c.conns = append(c.conns, conn)
	return nil
}

// Close ends what was dialled: a session that is over must not hold a connection.
func (c *Carrier) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	for _, conn := range c.conns {
		_ = conn.Close() // whatever it says, it is over
	}
	c.transport.CloseIdleConnections()
}
