package channel

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"time"

	"connectrpc.com/connect"

	contract "releve.dev/releve/channel"
)

// Dial makes a connection to the manager; nil is net.Dialer's.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// carrier is one connection to the manager, on HTTP/2, by the proxy that the
// environment names if any.
type carrier struct {
	client    contract.ChannelClient
	transport *http.Transport

	mu    sync.Mutex
	conns []net.Conn
	over  bool
}

func carry(manager string, dial Dial, config *tls.Config) *carrier {
	if dial == nil {
		dial = (&net.Dialer{Timeout: 10 * time.Second}).DialContext
	}
	c := &carrier{}
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
	c.client = contract.NewChannelClient(&http.Client{Transport: c.transport}, "https://"+manager,
		connect.WithReadMaxBytes(contract.MaxMessage), connect.WithAcceptCompression("gzip", nil, nil))
	return c
}

func (c *carrier) keep(conn net.Conn) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return conn.Close()
	}
	c.conns = append(c.conns, conn)
	return nil
}

// close ends what was dialled: a session that is over must not hold a connection.
func (c *carrier) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	for _, conn := range c.conns {
		_ = conn.Close() // whatever it says, it is over
	}
	c.transport.CloseIdleConnections()
}
