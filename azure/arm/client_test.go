package arm

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"releve.dev/releve/core/steer"
)

// fixedToken is a TokenSource with one token.
type fixedToken struct {
	token   string
	err     error
	refused atomic.Value
}

func (f *fixedToken) Token(context.Context) (string, time.Time, error) {
	return f.token, time.Now().Add(time.Hour), f.err
}
func (f *fixedToken) Refused(token string) { f.refused.Store(token) }

type rig struct {
	*Client
	tokens *fixedToken
	config Config
}

// newRig starts an HTTPS server with its own CA, and a client of it.
func newRig(t *testing.T, http2 bool, handler http.HandlerFunc) *rig {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = http2
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(ca, block, 0o600); err != nil {
		t.Fatal(err)
	}
	tokens := &fixedToken{token: "secret"}
	config := Config{
		Endpoint: server.URL, CAFile: ca, Tokens: tokens,
		NIC: NICID("s", "rg", "own nic"), PeerNIC: NICID("s", "rg", "peer"), PeerVM: VMID("s", "rg", "vm"),
		Clock: func() time.Duration { return 7 * time.Second },
	}
	client, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &rig{client, tokens, config}
}

func (r *rig) get(t *testing.T) steer.Response {
	t.Helper()
	return r.Do(t.Context(), steer.Request{ID: 3, Target: steer.OwnNIC, Timeout: 30 * time.Second})
}

// A write is one conditional PUT of exactly the bytes that steer gave.
func TestPut(t *testing.T) {
	const body = `{"future": 1.50, "tags":{}}`
	var seen *http.Request
	var sent []byte
	rig := newRig(t, true, func(w http.ResponseWriter, r *http.Request) {
		seen = r
		sent, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, `{"id":"x"}`)
	})
	got := rig.Do(t.Context(), steer.Request{ID: 9, Op: steer.Put, Target: steer.PeerNIC, Body: []byte(body), IfMatch: `W/"e"`})
	if !got.OK() || got.ID != 9 || got.SentAt != 7*time.Second || string(got.Body) != `{"id":"x"}` || got.Code != "" {
		t.Errorf("response %+v", got)
	}
	if seen.Method != http.MethodPut || seen.URL.Path != rig.config.PeerNIC || seen.URL.Query().Get("api-version") != nicVersion ||
		seen.Header.Get("If-Match") != `W/"e"` || seen.Header.Get("Authorization") != "Bearer secret" ||
		seen.Header.Get("Content-Type") != "application/json" || string(sent) != body {
		t.Errorf("request %s %s %v %s", seen.Method, seen.URL, seen.Header, sent)
	}
	if seen.ProtoMajor != 2 {
		t.Errorf("protocol %s", seen.Proto)
	}
}

// A VM is read with its power state, and a name's space is escaped.
func TestGetTargets(t *testing.T) {
	var urls []string
	rig := newRig(t, false, func(w http.ResponseWriter, r *http.Request) {
		urls = append(urls, r.URL.String())
		io.WriteString(w, "{}")
	})
	table := "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/routeTables/a b"
	for target := range steer.Targets {
		if got := rig.Do(t.Context(), steer.Request{Target: target, Name: table + "/routes/" + target.String()}); !got.OK() {
			t.Errorf("%s: %+v", target, got)
		}
	}
	for _, name := range []string{"", "x", "/subscriptions/s", "/subscriptions/s/providers/Microsoft.Network/../x"} {
		if got := rig.Do(t.Context(), steer.Request{Target: steer.RouteTable, Name: name}); got.Code != steer.BadAnswer || got.Status != 0 {
			t.Errorf("%q: %+v", name, got)
		}
	}
	want := []string{
		"/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/networkInterfaces/own%20nic?api-version=2024-05-01",
		"/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/networkInterfaces/peer?api-version=2024-05-01",
		"/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm?%24expand=instanceView&api-version=2024-07-01",
		"/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/routeTables/a%20b/routes/virtual%20network?api-version=2024-05-01",
		"/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/routeTables/a%20b/routes/route%20table?api-version=2024-05-01",
		"/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/routeTables/a%20b/routes/route?api-version=2024-05-01",
	}
	if strings.Join(urls, "\n") != strings.Join(want, "\n") {
		t.Errorf("asked for\n%s", strings.Join(urls, "\n"))
	}
}

// Nothing is retried: a retry is a new decision of core/steer.
func TestErrorsAreTold(t *testing.T) {
	var calls atomic.Int32
	var answer http.HandlerFunc
	rig := newRig(t, true, func(w http.ResponseWriter, r *http.Request) { calls.Add(1); answer(w, r) })
	tests := []struct {
		name   string
		answer http.HandlerFunc
		want   steer.Response
	}{
		{"throttled", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "17")
			w.WriteHeader(http.StatusTooManyRequests)
			io.WriteString(w, `{"error":{"code":"TooManyRequests","message":"slow"}}`)
		}, steer.Response{Status: 429, Code: "TooManyRequests", Message: "slow", RetryAfter: 17 * time.Second}},
		{"code in the header alone", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("x-ms-error-code", "ServerBusy")
			w.WriteHeader(http.StatusServiceUnavailable)
		}, steer.Response{Status: 503, Code: "ServerBusy"}},
		{"a gateway's page", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadGateway)
			io.WriteString(w, "<html>")
		}, steer.Response{Status: 502, Code: steer.BadAnswer, Message: "HTTP status 502 without an error that ARM gives"}},
		{"registration is left alone", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusConflict)
			io.WriteString(w, `{"error":{"code":"MissingSubscriptionRegistration","message":"m"}}`)
		}, steer.Response{Status: 409, Code: "MissingSubscriptionRegistration", Message: "m"}},
		{"captive portal", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>welcome") },
			steer.Response{Code: steer.BadAnswer, Message: "HTTP status 200 with a body that isn't a resource"}},
		{"redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
			steer.Response{Status: 302, Code: steer.BadAnswer, Message: "HTTP status 302 without an error that ARM gives"}},
		{"too large", func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, `{"a":"`+strings.Repeat("x", maxBody)+`"}`)
		}, steer.Response{Code: steer.BadAnswer, Message: fmt.Sprintf("the answer is larger than %d bytes", maxBody)}},
		{"cut off", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, steer.Response{Code: steer.Unreachable}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			calls.Store(0)
			answer = test.answer
			got := rig.get(t)
			if got.Code == steer.Unreachable {
				got.Message = "" // the library's words
			}
			if got.Status != test.want.Status || got.Code != test.want.Code || got.Message != test.want.Message || got.RetryAfter != test.want.RetryAfter {
				t.Errorf("got %+v", got)
			}
			if calls.Load() != 1 {
				t.Errorf("%d calls", calls.Load())
			}
		})
	}
}

func TestNoToken(t *testing.T) {
	rig := newRig(t, true, func(http.ResponseWriter, *http.Request) { t.Error("ARM was called") })
	rig.tokens.err = errors.New("no identity")
	if got := rig.get(t); got.Status != 0 || got.Code != steer.NoToken || got.Message != "no identity" {
		t.Errorf("response %+v", got)
	}
}

// A token that ARM refuses is given back to its source.
func TestRefusedToken(t *testing.T) {
	rig := newRig(t, true, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		io.WriteString(w, `{"error":{"code":"ExpiredAuthenticationToken","message":"m"}}`)
	})
	if got := rig.get(t); got.Status != 401 || got.Code != "ExpiredAuthenticationToken" {
		t.Errorf("response %+v", got)
	}
	if rig.tokens.refused.Load() != "secret" {
		t.Errorf("refused %v", rig.tokens.refused.Load())
	}
}

// A silent ARM costs a request its time-out, and the next one a new
// connection: it doesn't hang on the old one. A live connection is kept.
func TestFreshConnectionAfterSilence(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		var mu sync.Mutex
		remotes := []string{}
		hang := make(chan struct{})
		rig := newRig(t, http2, func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			remotes = append(remotes, r.RemoteAddr)
			silent := len(remotes) == 3
			mu.Unlock()
			if silent {
				<-hang
			}
			io.WriteString(w, "{}")
		})
		rig.get(t)
		rig.get(t)
		got := rig.Do(t.Context(), steer.Request{Target: steer.OwnNIC, Timeout: 50 * time.Millisecond})
		if got.Code != steer.Unreachable || got.Message != "no answer in time" {
			t.Errorf("silent: %+v", got)
		}
		if got := rig.get(t); !got.OK() {
			t.Errorf("after the silence: %+v", got)
		}
		close(hang)
		mu.Lock()
		if remotes[0] != remotes[1] || remotes[1] != remotes[2] || remotes[3] == remotes[2] {
			t.Errorf("HTTP/2 %v: connections %v", http2, remotes)
		}
		mu.Unlock()
	}
}

func TestUnreachable(t *testing.T) {
	rig := newRig(t, true, nil)
	rig.config.Endpoint = "https://127.0.0.1:1"
	client, err := New(rig.config)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	got := client.Do(t.Context(), steer.Request{Timeout: 30 * time.Second})
	if got.Status != 0 || got.Code != steer.Unreachable || !strings.Contains(got.Message, "refused") {
		t.Errorf("response %+v", got)
	}
}

// An authority that nobody told us to trust is not spoken to.
func TestUnknownAuthority(t *testing.T) {
	rig := newRig(t, true, func(http.ResponseWriter, *http.Request) { t.Error("the token was sent") })
	rig.config.CAFile = ""
	client, err := New(rig.config)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if got := client.Do(t.Context(), steer.Request{Timeout: 30 * time.Second}); got.Code != steer.Unreachable || !strings.Contains(got.Message, "certificate") {
		t.Errorf("response %+v", got)
	}
}

// Requests without an answer are bounded in number, and each still ends.
func TestStartIsBounded(t *testing.T) {
	var now, most atomic.Int32
	release := make(chan struct{})
	rig := newRig(t, true, func(w http.ResponseWriter, _ *http.Request) {
		most.Store(max(most.Load(), now.Add(1)))
		<-release
		now.Add(-1)
		io.WriteString(w, "{}")
	})
	answers := make(chan steer.Response)
	for id := range uint64(2 * maxUnderWay) {
		rig.Start(steer.Request{ID: id, Timeout: 30 * time.Second}, func(r steer.Response) { answers <- r })
	}
	late := rig.Do(t.Context(), steer.Request{Timeout: 50 * time.Millisecond})
	if late.OK() {
		t.Errorf("a request too many: %+v", late)
	}
	close(release)
	seen := map[uint64]bool{}
	for range 2 * maxUnderWay {
		answer := <-answers
		if !answer.OK() {
			t.Errorf("answer %+v", answer)
		}
		seen[answer.ID] = true
	}
	if len(seen) != 2*maxUnderWay || most.Load() > maxUnderWay {
		t.Errorf("%d answers, %d at once", len(seen), most.Load())
	}
}

func TestCloseEndsRequests(t *testing.T) {
	entered := make(chan struct{})
	rig := newRig(t, true, func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
	})
	answers := make(chan steer.Response, 1)
	rig.Start(steer.Request{Timeout: time.Hour}, func(r steer.Response) { answers <- r })
	<-entered
	rig.Close()
	if got := <-answers; got.Code != steer.Unreachable {
		t.Errorf("response %+v", got)
	}
}

func TestPermissions(t *testing.T) {
	rig := newRig(t, true, func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.Path + "?" + r.URL.RawQuery
		switch {
		case r.URL.Query().Get("page") == "2":
			io.WriteString(w, `{"value":[{"actions":["b"],"notActions":[]}]}`)
		case strings.HasPrefix(path, "/x/providers/Microsoft.Authorization/permissions?api-version=2022-04-01"):
			fmt.Fprintf(w, `{"value":[{"actions":["a"],"notActions":["n"]}],"nextLink":"https://%s%s&page=2"}`, r.Host, path)
		case strings.HasPrefix(path, "/y"):
			io.WriteString(w, `{"value":[],"nextLink":"https://example.com/"}`)
		default:
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, `{"error":{"code":"AuthorizationFailed","message":"m"}}`)
		}
	})
	got, response := rig.Permissions(t.Context(), "/x", time.Minute)
	if !response.OK() || !got.Allows("a") || !got.Allows("b") || got.Allows("n") {
		t.Errorf("permissions %+v, %+v", got, response)
	}
	if _, response := rig.Permissions(t.Context(), "/y", time.Minute); response.Code != steer.BadAnswer {
		t.Errorf("another host: %+v", response)
	}
	if _, response := rig.Permissions(t.Context(), "/z", time.Minute); response.Code != "AuthorizationFailed" {
		t.Errorf("denied: %+v", response)
	}
}

func TestNewRefuses(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		config Config
		want   string
	}{
		{Config{Endpoint: "http://h", NIC: "a", PeerNIC: "b"}, "not https"},
		{Config{Endpoint: "https://h", PeerNIC: "b"}, "ids of the LAN NICs"},
		{Config{Endpoint: "https://h", NIC: "a", PeerNIC: "b", CAFile: empty}, "no PEM certificate"},
		{Config{Endpoint: "https://h", NIC: "a", PeerNIC: "b", CAFile: empty + "x"}, "certificates to trust"},
	} {
		if _, err := New(test.config); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v", test.config, err)
		}
	}
}
