package passage

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"releve.dev/releve/site"
)

var (
	paris = site.MakeSerial(1)
	lyon  = site.MakeSerial(2)
)

// rig is passages of a manager that knows people by a cookie, and vSockets of which
// each is the same handler.
type rig struct {
	*Passages
	t    *testing.T
	away bool
	seen []*http.Request // by the vSockets
	http *http.Client
}

// rigged has so many ports.
func rigged(t *testing.T, ports int, idle time.Duration, pages http.HandlerFunc) *rig {
	t.Helper()
	r := &rig{t: t}
	var mu sync.Mutex
	vsocket := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		mu.Lock()
		r.seen = append(r.seen, q)
		mu.Unlock()
		pages(w, q)
	}))
	t.Cleanup(vsocket.Close)
	own := httptest.NewUnstartedServer(nil)
	own.StartTLS() // for its certificate
	t.Cleanup(own.Close)
	c := Config{Idle: idle, Log: slog.New(slog.DiscardHandler), TLS: &tls.Config{Certificates: own.TLS.Certificates},
		Listen: func(port uint16) (net.Listener, error) { return net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port)) },
		Dial: func(ctx context.Context, _ site.Serial, service string) (net.Conn, error) {
			if r.away || service != Service {
				return nil, errors.New("not here")
			}
			return (&net.Dialer{}).DialContext(ctx, "tcp4", vsocket.Listener.Addr().String())
		},
		Person: func(q *http.Request) (string, error) {
			cookie, err := q.Cookie("__Host-manager")
			if err != nil {
				return "", err
			}
			return cookie.Value, nil
		},
		Fail: func(w http.ResponseWriter, _ *http.Request, err error) {
			status := http.StatusForbidden
			if errors.Is(err, ErrBroken) {
				status = http.StatusBadGateway
			}
			http.Error(w, err.Error(), status)
		}}
	for range ports {
		c.Ports = append(c.Ports, free(t))
	}
	r.Passages = New(c)
	t.Cleanup(r.Close)
	r.http = own.Client()
	r.http.Transport.(*http.Transport).DisableKeepAlives = true
	r.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return r
}

// free is a port that nobody has at this moment.
func free(t *testing.T) uint16 {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return uint16(l.Addr().(*net.TCPAddr).Port)
}

func (r *rig) opened(serial site.Serial, person string) uint16 {
	r.t.Helper()
	port, err := r.Open(r.t.Context(), serial, person)
	if err != nil {
		r.t.Fatal(err)
	}
	return port
}

// ask sends a request to a passage as a browser would, with cookies.
func (r *rig) ask(port uint16, path string, headers ...string) (*http.Response, string) {
	r.t.Helper()
	q, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, fmt.Sprintf("https://127.0.0.1:%d%s", port, path), nil)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		q.Header.Add(name, value)
	}
	answer, err := r.http.Do(q)
	if err != nil {
		r.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return answer, string(body)
}

const alice = "Cookie: __Host-manager=alice"

// What a vSocket answers comes to who has opened its passage, and to nobody else.
func TestWhoMayPass(t *testing.T) {
	r := rigged(t, 1, Idle, func(w http.ResponseWriter, q *http.Request) { _, _ = io.WriteString(w, q.Host+q.URL.Path) })
	port := r.opened(paris, "alice")
	if answer, body := r.ask(port, "/ha", alice); answer.StatusCode != http.StatusOK || body != fmt.Sprintf("127.0.0.1:%d/ha", port) {
		t.Errorf("alice gets %d %q", answer.StatusCode, body)
	}
	for who, cookie := range map[string]string{"nobody": "X: y", "bob": "Cookie: __Host-manager=bob"} {
		if answer, body := r.ask(port, "/", cookie); answer.StatusCode != http.StatusForbidden {
			t.Errorf("%s gets %d %q", who, answer.StatusCode, body)
		}
	}
	if len(r.seen) != 1 {
		t.Errorf("the vSocket was asked %d times", len(r.seen))
	}
	if again := r.opened(paris, "bob"); again != port {
		t.Errorf("opened again at %d, was %d", again, port)
	}
	if answer, _ := r.ask(port, "/", "Cookie: __Host-manager=bob"); answer.StatusCode != http.StatusOK {
		t.Errorf("bob gets %d once he has opened it", answer.StatusCode)
	}
}

// A vSocket in wrong hands gets no cookie of the manager or of another vSocket, sets
// none of theirs, and leaves nothing at the port for the next.
func TestAHostileVSocket(t *testing.T) {
	hostile := map[string]string{"Strict-Transport-Security": "max-age=1", "Clear-Site-Data": `"cookies"`, "Alt-Svc": `h3=":9"`,
		"Access-Control-Allow-Origin": "*", "Service-Worker-Allowed": "/", "Location": "https://evil.example/", "Refresh": "0; url=https://evil.example/"}
	r := rigged(t, 1, Idle, func(w http.ResponseWriter, _ *http.Request) {
		for name, value := range hostile {
			w.Header().Set(name, value)
		}
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		w.Header().Set("Content-Security-Policy", "default-src *")
		w.Header().Set("Content-Type", "text/css")
		w.Header().Add("Set-Cookie", "__Host-manager=mallory; Path=/; Secure")
		w.Header().Add("Set-Cookie", "own=1; Domain=example.com; Path=/deep")
		w.WriteHeader(http.StatusSeeOther)
	})
	port := r.opened(paris, "alice")
	prefix := func(s site.Serial) string { return "__Host-" + string(s) + "." }
	answer, _ := r.ask(port, "/", alice+"; "+prefix(paris)+"own=mine; "+prefix(lyon)+"own=another's")
	if got := r.seen[0].Header["Cookie"]; len(got) != 1 || got[0] != "own=mine" {
		t.Errorf("the vSocket got %q", got)
	}
	for name := range hostile {
		if value := answer.Header.Get(name); value != "" {
			t.Errorf("%s: %s", name, value)
		}
	}
	for name, want := range map[string]string{"Cache-Control": "no-store", "Content-Security-Policy": policy, "Content-Type": "text/css"} {
		if got := answer.Header.Get(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	want := []string{prefix(paris) + "__Host-manager=mallory; Path=/; HttpOnly; Secure; SameSite=Strict", prefix(paris) + "own=1; Path=/; HttpOnly; Secure; SameSite=Strict"}
	if got := answer.Header["Set-Cookie"]; strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("cookies %q, want %q", got, want)
	}
	if answer, _ := r.ask(port, "/sw.js", alice, "Service-Worker: script"); answer.StatusCode != http.StatusForbidden {
		t.Errorf("a service worker: %d", answer.StatusCode)
	}
}

// There are as many passages as ports; one that nobody uses makes place, and its port
// is closed.
func TestPassagesEnd(t *testing.T) {
	r := rigged(t, 1, 100*time.Millisecond, func(http.ResponseWriter, *http.Request) {})
	port := r.opened(paris, "alice")
	if _, err := r.Open(t.Context(), lyon, "alice"); !errors.Is(err, ErrTaken) {
		t.Errorf("a second passage by one port: %v", err)
	}
	until(t, "the passage closes", func() bool {
		conn, err := net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	if other := r.opened(lyon, "alice"); other != port {
		t.Errorf("the port that is free again isn't taken: %d", other)
	}
}

// A vSocket that isn't there isn't opened, and one that goes is told of.
func TestAway(t *testing.T) {
	r := rigged(t, 1, Idle, func(http.ResponseWriter, *http.Request) {})
	port := r.opened(paris, "alice")
	r.away = true
	if answer, _ := r.ask(port, "/", alice); answer.StatusCode != http.StatusBadGateway {
		t.Errorf("a vSocket that has gone: %d", answer.StatusCode)
	}
	if _, err := r.Open(t.Context(), lyon, "alice"); err == nil {
		t.Error("a vSocket that isn't here is opened")
	}
	if _, err := New(Config{Dial: func(context.Context, site.Serial, string) (net.Conn, error) {
		near, _ := net.Pipe()
		return near, nil
	}}).Open(t.Context(), lyon, "alice"); !errors.Is(err, ErrNone) {
		t.Errorf("without ports: %v", err)
	}
}

func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for limit := time.After(30 * time.Second); !holds(); {
		select {
		case <-again.C:
		case <-limit:
			t.Fatal("not within 30 s: " + what)
		}
	}
}
