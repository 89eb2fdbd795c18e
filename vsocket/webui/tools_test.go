package webui

import (
	"bufio"
	"net/http"
	"strings"
	"testing"

	"releve.dev/releve/vsocket/apitest"
	"releve.dev/releve/vsocket/webui/run"
)

// ended waits for a tool's end, by its own word.
func (r *rig) ended(tool string) run.State {
	r.t.Helper()
	last := r.ui.shelf.Last(tool)
	if last == nil {
		r.t.Fatalf("%s hasn't begun", tool)
	}
	for {
		state, changed := last.Watch()
		if state.Done {
			return state
		}
		select {
		case <-changed:
		case <-r.t.Context().Done():
			r.t.Fatal("no end")
		}
	}
}

func (b *browser) runs(tool string, fields ...string) {
	b.r.t.Helper()
	if status, to, body := b.post("/tools/"+tool, fields...); status != http.StatusSeeOther || to != "/tools/"+tool {
		b.r.t.Fatalf("%s: %d to %q\n%s", tool, status, to, body)
	}
}

// F4: a ping by the interface that is named, with a line for each reply, and a sum;
// and the same by the page alone, without a script.
func TestPingF4(t *testing.T) {
	r := newRig(t)
	b := r.signedIn()
	b.runs("ping", "via", "LAN1", "host", "127.0.0.1", "count", "2")
	response, err := b.client.Get(r.server.URL + "/tools/ping/live?run=" + r.ui.shelf.Last("ping").ID)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	events, ended := 0, false
	for lines := bufio.NewScanner(response.Body); lines.Scan() && !ended; {
		if lines.Text() == "" {
			events++
		}
		ended = lines.Text() == "event: end"
	}
	if !ended || events < 2 {
		t.Errorf("%d events, ended %v", events, ended)
	}
	r.ended("ping")
	page := b.get("/tools/ping")
	r.has(page, "2 sent, 2 received, 0 % lost", "127.0.0.1 (127.0.0.1) via LAN1 (lo)", "least", `value="2"`)
	r.lacks(page, "http-equiv")
	b.lang = "fr"
	r.has(b.get("/tools/ping"), "2 envoyés, 2 reçus, 0 % perdus")
}

// What is asked for wrongly is refused at once, with what was typed still there.
func TestPingRefuses(t *testing.T) {
	r := newRig(t)
	b := r.signedIn()
	for _, c := range []struct{ via, host, count, says string }{
		{"LAN1", "10.0.0.1", "0", "count: 0 is not between 1 and 100"}, {"LAN1", "10.0.0.1", "101", "not between 1 and 100"},
		{"LAN1", " ", "3", "is needed"}, {"eth0", "10.0.0.1", "3", "choose an interface"}, {"MGMT", "10.0.0.1", "3", "absent"},
	} {
		status, _, body := b.post("/tools/ping", "via", c.via, "host", c.host, "count", c.count)
		if status != http.StatusUnprocessableEntity {
			t.Errorf("%+v: %d", c, status)
		}
		r.has(body, c.says)
	}
	if r.ui.shelf.Last("ping") != nil {
		t.Error("it pings all the same")
	}
	b.runs("ping", "via", "LAN1", "host", "2001:db8::1", "count", "1")
	r.ended("ping")
	r.has(b.get("/tools/ping"), "is not an IPv4 address")
	if status, _, _ := b.post("/tools/speedtest", "via", "LAN1"); status != http.StatusNotFound {
		t.Errorf("a tool that isn't there: %d", status)
	}
}

// A tool at work refreshes the page where there is no script, and can be stopped.
func TestStop(t *testing.T) {
	r := newRig(t)
	b := r.signedIn()
	b.runs("ping", "via", "LAN1", "host", "127.0.0.1", "count", "100")
	r.has(b.get("/tools/ping"), `http-equiv="refresh"`, "At work", "/tools/ping/stop")
	if status, _, body := b.post("/tools/ping", "via", "LAN1", "host", "127.0.0.1", "count", "1"); status != http.StatusUnprocessableEntity || !strings.Contains(body, "at work already") {
		t.Errorf("a second one: %d", status)
	}
	b.post("/tools/ping/stop")
	r.ended("ping")
	r.has(b.get("/tools/ping"), "Ended")
}

func TestTraceroute(t *testing.T) {
	r := newRig(t)
	b := r.signedIn()
	b.runs("traceroute", "via", "LAN1", "host", "127.0.0.1")
	r.ended("traceroute")
	r.has(b.get("/tools/traceroute"), "The destination answers.", "127.0.0.1")
}

// F5 to F7: the steps, and each of the two messages with its remedy, in both languages.
func TestAPITestF5F6F7(t *testing.T) {
	r := newRig(t)
	b := r.signedIn()
	for _, c := range []struct {
		name    string
		step    apitest.Step
		en, fr  string
		verdict string
	}{
		{"F5", apitest.Step{Name: "token", Result: apitest.OK, Detail: "valid"}, "token", "jeton", "API test passed"},
		{"F6", apitest.Step{Name: "token", Result: apitest.Failed, Problem: apitest.ProblemAccess, Hints: []string{"name its client id in azure.client_id"}},
			"check the settings of access control (IAM)", "vérifiez les réglages de contrôle d&#39;accès (IAM)", "API test not passed"},
		{"F7", apitest.Step{Name: "own NIC", Result: apitest.Failed, Problem: apitest.ProblemNIC, Hints: []string{"enable IP forwarding"}},
			"check the settings of the vSocket VMs&#39; NICs", "vérifiez les réglages des cartes réseau des VM vSocket", "API test not passed"},
	} {
		r.steps = []apitest.Step{c.step}
		b.runs("api-test")
		r.ended("api-test")
		page := b.get("/tools/api-test")
		r.has(page, c.en, c.verdict)
		for _, hint := range c.step.Hints {
			r.has(page, hint)
		}
		b.lang = "fr"
		r.has(b.get("/tools/api-test"), c.fr)
		b.lang = "en"
	}
}

// A capture holds what was asked for, and can be downloaded.
func TestCapture(t *testing.T) {
	r := newRig(t)
	b := r.signedIn()
	if response, _ := b.do("GET", "/tools/capture/file", nil); response.StatusCode != http.StatusNotFound {
		t.Errorf("before there is one: %s", response.Status)
	}
	b.runs("capture", "via", "LAN1", "protocol", "icmp", "host", "127.0.0.1", "seconds", "60", "most", "4")
	b.runs("ping", "via", "LAN1", "host", "127.0.0.1", "count", "20")
	if state := r.ended("capture"); state.Err != nil {
		t.Fatal(state.Err)
	}
	b.post("/tools/ping/stop")
	r.has(b.get("/tools/capture"), "4 packets", "as many as asked for", "Download")
	response, file := b.do("GET", "/tools/capture/file", nil)
	if !strings.HasPrefix(file, "\x4d\x3c\xb2\xa1") || len(file) != 24+4*(16+14+20+32) || !strings.Contains(response.Header.Get("Content-Disposition"), ".pcap") {
		t.Errorf("%d bytes, %q", len(file), response.Header.Get("Content-Disposition"))
	}
	for _, wrong := range []string{"seconds", "most", "port"} {
		fields := map[string]string{"seconds": "5", "most": "5", "port": "", "via": "LAN1"}
		fields[wrong] = "0"
		if status, _, _ := b.post("/tools/capture", "via", "LAN1", "seconds", fields["seconds"], "most", fields["most"], "port", fields["port"]); status != http.StatusUnprocessableEntity {
			t.Errorf("%s of 0: %d", wrong, status)
		}
	}
}
