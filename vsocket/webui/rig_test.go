package webui

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"releve.dev/releve/house/private"
	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/apitest"
	"releve.dev/releve/vsocket/control"
	"releve.dev/releve/vsocket/webui/signin"
)

// The tests run in namespaces of their own: the tools send real packets.
func TestMain(m *testing.M) { private.Main(m) }

const password = "a long enough one"

// rig is the pages before an agent's real door with a fake behind it.
type rig struct {
	t      *testing.T
	ui     *UI
	server *httptest.Server

	closeDoor func() error // the agent's

	mu     sync.Mutex
	status site.Status
	ways   map[string]string // the guest's interfaces
	steps  []apitest.Step
	clock  time.Time
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, status: healthy(), ways: map[string]string{"LAN1": "lo", "WAN1": "lo", "tunnel": "rlv-tun"}, clock: time.Now()}
	run := t.TempDir()
	door, err := control.Serve(run, control.Handlers{
		Status: func(context.Context) (site.Status, error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			return r.status, nil
		},
		Journal: func(_ context.Context, since time.Time, _ bool, emit func(site.Entry) error) error {
			for _, e := range takeover(r.clock) {
				if err := emit(e); err != nil {
					return err
				}
			}
			return nil
		},
		APITest: func(_ context.Context, emit func(any) error) error {
			for _, s := range r.steps {
				if err := emit(s); err != nil {
					return err
				}
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	agent := control.Dial(control.Socket(run))
	entrance := signin.Open(t.TempDir(), r.now)
	if err := entrance.Set(t.Context(), password); err != nil {
		t.Fatal(err)
	}
	r.closeDoor = sync.OnceValue(door.Close)
	r.ui = New(Parts{
		Agent: agent, Vias: []string{"LAN1", "WAN1", "MGMT", "tunnel"}, Door: entrance, Cookie: "0123", Name: "Paris · primary", Now: r.now, Log: slog.New(slog.DiscardHandler),
		APITest: func(ctx context.Context, emit func(apitest.Step) error) error {
			return agent.APITest(ctx, func(line json.RawMessage) error {
				var s apitest.Step
				if err := json.Unmarshal(line, &s); err != nil {
					return err
				}
				return emit(s)
			})
		},
		Out: func(via string) (string, error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			if r.ways[via] == "" {
				return "", errors.New("absent")
			}
			return r.ways[via], nil
		},
	})
	r.server = httptest.NewTLSServer(r.ui.Handler())
	t.Cleanup(func() { r.ui.Close(); r.server.CloseClientConnections(); r.server.Close(); _ = r.closeDoor() })
	return r
}

func (r *rig) now() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.clock
}

func (r *rig) change(to func(*site.Status)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	to(&r.status)
}

// browser is somebody's, who follows no redirect.
type browser struct {
	r      *rig
	client *http.Client
	lang   string
}

type jar struct{ cookies map[string]*http.Cookie }

func (j *jar) SetCookies(_ *url.URL, all []*http.Cookie) {
	for _, c := range all {
		j.cookies[c.Name] = c
	}
}

func (j *jar) Cookies(*url.URL) (all []*http.Cookie) {
	for _, c := range j.cookies {
		if c.MaxAge >= 0 {
			all = append(all, c)
		}
	}
	return all
}

func (r *rig) browser() *browser {
	client := *r.server.Client()
	client.Jar = &jar{map[string]*http.Cookie{}}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &browser{r: r, client: &client, lang: "en"}
}

func (b *browser) do(method, path string, form url.Values) (*http.Response, string) {
	b.r.t.Helper()
	request, err := http.NewRequestWithContext(b.r.t.Context(), method, b.r.server.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.r.t.Fatal(err)
	}
	request.Header.Set("Accept-Language", b.lang)
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	response, err := b.client.Do(request)
	if err != nil {
		b.r.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		b.r.t.Fatal(err)
	}
	return response, string(body)
}

// get is a page that must be there.
func (b *browser) get(path string) string {
	b.r.t.Helper()
	response, body := b.do("GET", path, nil)
	if response.StatusCode != http.StatusOK {
		b.r.t.Fatalf("GET %s: %s\n%s", path, response.Status, body)
	}
	return body
}

func (b *browser) post(path string, fields ...string) (status int, to, body string) {
	b.r.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	response, body := b.do("POST", path, form)
	return response.StatusCode, response.Header.Get("Location"), body
}

// signedIn is a browser whose person has done that.
func (r *rig) signedIn() *browser {
	r.t.Helper()
	b := r.browser()
	if status, to, body := b.post("/sign-in", "password", password, "return", "/ha"); status != http.StatusSeeOther || to != "/ha" {
		r.t.Fatalf("sign-in: %d to %q\n%s", status, to, body)
	}
	return b
}

// has wants texts in a page.
func (r *rig) has(page string, texts ...string) {
	r.t.Helper()
	for _, text := range texts {
		if !strings.Contains(page, text) {
			if file := os.Getenv("RELEVE_KEEP_PAGE"); file != "" {
				_ = os.WriteFile(file, []byte(page), 0o600)
			}
			r.t.Errorf("the page hasn't %q", text)
		}
	}
}

func (r *rig) lacks(page string, texts ...string) {
	r.t.Helper()
	for _, text := range texts {
		if strings.Contains(page, text) {
			r.t.Errorf("the page has %q", text)
		}
	}
}

func healthy() site.Status {
	handshake, latency, loss := 41.0, 12.4, 0.0
	return site.Status{
		Site: "Paris", Side: site.Primary, Version: site.Version{Major: 14}, Role: site.Active, Master: true, Term: 7, Holder: site.Primary, Fit: true,
		Summary: "Master in term 7: forwards the site's traffic. HA is Ready.",
		HA: site.HAStatus{Configured: true, Ready: true, Indicators: []site.Indicator{
			{Name: "Connected", OK: true, Since: 7200}, {Name: "Keepalive", OK: true, Since: 7200}, {Name: "Same version", OK: true, Since: 7210},
			{Name: "Azure", OK: true, Since: 600}, {Name: "Fit", OK: true, Since: 7200}}},
		Peer:     site.PeerStatus{Heard: true, Role: site.Standby, Fit: true, Version: site.Version{Major: 14}, AgeMS: map[string]float64{"lan": 12, "mgmt": 34}},
		Gate:     site.GateStatus{ServeMS: 180, Down: true},
		FIP:      site.FIPStatus{Address: netip.MustParseAddr("10.102.2.100"), Guest: true, On: "own", Steered: true},
		Azure:    site.AzureStatus{OK: true, Since: 600},
		Received: site.Received{Good: 144000, Forged: 2},
		Tunnel: &site.TunnelStatus{PoP: "paris-1", Endpoint: netip.MustParseAddrPort("203.0.113.10:51820"), Device: "rlv-tun", Up: true, Handshake: &handshake,
			Received: 918273645, Sent: 81726354, ReceivedRate: 48_200_000, SentRate: 3_100_000, Latency: &latency, Loss: &loss},
		Witness: &site.WitnessStatus{OK: true, TripMS: 12.4},
	}
}

func takeover(end time.Time) []site.Entry {
	at := func(before time.Duration, what, detail string) site.Entry {
		return site.Entry{Wall: end.Add(-before), Who: "primary", What: what, Detail: detail}
	}
	return []site.Entry{
		at(9*time.Minute, "started", "version 14.0"), at(8*time.Minute, "peer silent", "lan 201 ms, mgmt 204 ms"),
		at(8*time.Minute-2*time.Millisecond, "claim", "term 7 at the witness"), at(8*time.Minute-14*time.Millisecond, "term granted", "term 7"),
		at(8*time.Minute-15*time.Millisecond, "gate open", "serves"), at(8*time.Minute-30*time.Millisecond, "arm write", "PUT networkInterfaces/secondary-lan: 200"),
		at(6*time.Minute, "steering done", "the floating IP is on the own NIC"),
	}
}
