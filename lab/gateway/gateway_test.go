package gateway

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
)

// A program outside reaches a host inside by its name, and is told of one that isn't there.
func TestAWayIn(t *testing.T) {
	inside := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Host) }))
	defer inside.Close()
	proxy := httptest.NewServer(Server(func(address string) (net.Conn, error) {
		if address != "example.com:443" {
			return nil, errors.New("no such host")
		}
		return net.Dial("tcp", inside.Listener.Addr().String())
	}).Handler)
	defer proxy.Close()
	transport := inside.Client().Transport.(*http.Transport).Clone()
	way, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport.Proxy = http.ProxyURL(way)
	client := &http.Client{Transport: transport}
	answer, err := client.Get("https://example.com/")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	if string(text) != "example.com" || err != nil {
		t.Errorf("answers %q, %v", text, err)
	}
	if answer, err := client.Get("https://nobody.example/"); err == nil {
		answer.Body.Close()
		t.Error("reaches nobody")
	}
	if answer, err := client.Get("http://example.com/"); err != nil || answer.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("in the open: %v", err)
	} else {
		answer.Body.Close()
	}
}
