package main

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/vsocket/control"
	"releve.dev/releve/vsocket/remote"
	"releve.dev/releve/vsocket/webui"
	"releve.dev/releve/vsocket/webui/signin"
)

const password = "correct horse battery"

// withPages gives a vSocket its own pages, in front of an agent that doesn't run.
func (v *vsocket) withPages(t *testing.T) *vsocket {
	t.Helper()
	run := t.TempDir()
	entrance := signin.Open(t.TempDir(), time.Now)
	fine(t, entrance.Set(t.Context(), password))
	pages := webui.New(webui.Parts{Agent: control.Dial(control.Socket(run)), Vias: []string{"MGMT"}, Out: func(string) (string, error) { return "lo", nil }, Door: entrance, Cookie: "0123",
		Name: "paris · primary", Now: time.Now, Log: quiet})
	door, err := pages.Serve(run)
	fine(t, err)
	t.Cleanup(func() { pages.Close(); fine(t, door.Close()) })
	v.serve = remote.New(control.Socket(run), webui.Socket(run)).Serve
	return v
}

// person is somebody at a manager's pages, with a browser's cookies.
type person struct {
	t    *testing.T
	http *http.Client
	base string
}

// person makes one, who has signed in.
func (s *served) person(by inventory.Actor, name string, role access.Role) *person {
	s.t.Helper()
	_, code, err := s.access.AddPerson(s.t.Context(), by, name, role)
	fine(s.t, err)
	jar, err := cookiejar.New(nil)
	fine(s.t, err)
	p := &person{t: s.t, base: "https://" + s.address, http: &http.Client{Jar: jar, Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}}
	p.post(p.base+"/welcome", http.StatusOK, "code", code, "password", password)
	return p
}

func (p *person) get(address string, status int) string {
	p.t.Helper()
	answer, err := p.http.Get(address)
	return p.body(answer, err, status)
}

func (p *person) post(address string, status int, form ...string) string {
	p.t.Helper()
	values := url.Values{}
	for i := 0; i < len(form); i += 2 {
		values.Set(form[i], form[i+1])
	}
	answer, err := p.http.PostForm(address, values)
	return p.body(answer, err, status)
}

func (p *person) body(answer *http.Response, err error, status int) string {
	p.t.Helper()
	fine(p.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	fine(p.t, err)
	if answer.StatusCode != status {
		p.t.Fatalf("%s: %d, want %d: %s", answer.Request.URL, answer.StatusCode, status, text)
	}
	return string(text)
}

func freePort(t *testing.T) uint16 {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	fine(t, err)
	defer l.Close()
	return uint16(l.Addr().(*net.TCPAddr).Port)
}

// F4: a vSocket's own pages are reached through its session with the manager, by who
// may and has opened them, and ask for their own password.
func TestWebUIThroughTheManager(t *testing.T) {
	m := serve(t, "", "", func(u *upping) { u.webuiPorts = ports{freePort(t)} })
	by := m.account("ours")
	paris := m.paris(by)
	v := m.enrolled(by, paris.Primary.Serial).withPages(t).at(m, "vm1")
	alice, bob := m.person(by, "alice", access.Editor), m.person(by, "bob", access.Editor)
	way := "/sites/" + paris.ID + "/webui/primary"

	victor := m.person(by, "victor", access.Viewer)
	victor.post(victor.base+way, http.StatusForbidden)
	page := alice.post(alice.base+way, http.StatusOK)
	found := regexp.MustCompile(`href="(https://127\.0\.0\.1:\d+)/"`).FindStringSubmatch(page)
	if found == nil {
		t.Fatalf("no link in %s", page)
	}
	link := found[1]
	if page = alice.get(link+"/", http.StatusUnauthorized); !strings.Contains(page, "paris · primary") {
		t.Errorf("this isn't the vSocket's door: %s", page)
	}
	alice.post(link+"/sign-in", http.StatusForbidden, "password", "what the manager takes", "return", "/")
	if page = alice.post(link+"/sign-in", http.StatusOK, "password", password, "return", "/ha"); !strings.Contains(page, "paris · primary") {
		t.Errorf("this isn't the vSocket's page: %s", page)
	}
	bob.get(link+"/", http.StatusForbidden)
	alice.post(alice.base+"/sign-out", http.StatusOK)
	alice.get(link+"/ha", http.StatusForbidden)

	rows, err := m.inventory.Audit(t.Context(), by, inventory.Page{})
	fine(t, err)
	opened := 0
	for _, row := range rows.Items {
		if row.Action == "socket.webui" && row.Target == string(paris.Primary.Serial) {
			opened++
		}
	}
	if opened != 1 {
		t.Errorf("%d openings in the audit log", opened)
	}
	v.stop()
	until(t, "it has gone", func() bool { d, _ := m.fleet.Device(paris.Primary.Serial); return !d.Connected })
	if page = bob.post(bob.base+way, http.StatusConflict); !strings.Contains(page, "connected to this manager") {
		t.Errorf("a vSocket that isn't here: %s", page)
	}
}

// What are no ports is refused; what are is said as it was written.
func TestPorts(t *testing.T) {
	for _, text := range []string{"8444-8451", "8444,9000-9001", "1", ""} {
		var p ports
		if err := p.Set(text); err != nil || p.String() != text {
			t.Errorf("%q: %v, %v", text, p.String(), err)
		}
	}
	for _, text := range []string{"0", "x", "8451-8444", "1-", "65536", "1-1001"} {
		if err := new(ports).Set(text); err == nil || !strings.Contains(err.Error(), "\nhint: ") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
