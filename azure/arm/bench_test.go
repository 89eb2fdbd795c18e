package arm

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"releve.dev/releve/core/steer"
)

const benchBody = `{"id":"x","etag":"W/\"1\"","properties":{"provisioningState":"Succeeded"}}`

// BenchmarkDo and BenchmarkPlain differ by what the pipeline costs on the hot
// path: the rest is the loopback, TLS and net/http.
func BenchmarkDo(b *testing.B) {
	server := benchServer(b)
	client, err := New(Config{Endpoint: server.URL, NIC: NICID("s", "g", "n"), PeerNIC: "/p",
		Tokens: &fixedToken{token: "t"}, Clock: func() time.Duration { return 0 }})
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	client.transport.http = &http.Client{Transport: insecure()}
	for b.Loop() {
		if got := client.Do(context.Background(), steer.Request{Timeout: time.Minute}); !got.OK() {
			b.Fatalf("%+v", got)
		}
	}
}

func BenchmarkPlain(b *testing.B) {
	server := benchServer(b)
	client := &http.Client{Transport: insecure()}
	for b.Loop() {
		answer, err := client.Get(server.URL + NICID("s", "g", "n"))
		if err != nil {
			b.Fatal(err)
		}
		io.ReadAll(answer.Body)
		answer.Body.Close()
	}
}

func benchServer(b *testing.B) *httptest.Server {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, benchBody) }))
	b.Cleanup(server.Close)
	return server
}

func insecure() http.RoundTripper {
	return &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
}
