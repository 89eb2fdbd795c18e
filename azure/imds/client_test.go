package imds

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

func newClient(t *testing.T, handler http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	client, err := New(Config{Base: server.URL, ClientID: "id", Audience: "https://management.azure.com"})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestFetchToken(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1") // must not be used
	client := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if r.URL.Path != "/metadata/identity/oauth2/token" || r.Header.Get("Metadata") != "true" || q.Get("client_id") != "id" ||
			q.Get("resource") != "https://management.azure.com" || q.Get("api-version") != "2018-02-01" {
			t.Errorf("asked for %s with %v", r.URL, r.Header)
		}
		io.WriteString(w, `{"access_token":"abc","client_id":"id","expires_in":"86400","expires_on":"1","token_type":"Bearer"}`)
	})
	token, err := client.FetchToken(t.Context())
	if err != nil || token.Value != "abc" || token.ClientID != "id" || time.Until(token.Expires) < 23*time.Hour {
		t.Errorf("token %+v, %v", token, err)
	}
}

// What went wrong is told by kind, and in IMDS's own words.
func TestRefusals(t *testing.T) {
	tests := []struct {
		status int
		body   string
		want   error
		text   string
	}{
		{400, `{"error":"invalid_request","error_description":"Identity not found"}`, ErrIdentity, "Identity not found"},
		{400, `{"error":"bad_request_102","error_description":"Required metadata header not specified"}`, ErrAnswer, "metadata header"},
		{404, "", ErrBusy, "404"},
		{410, "gone", ErrBusy, "410"},
		{429, `{"error":"x"}`, ErrBusy, "429: x"},
		{500, "", ErrBusy, "500"},
		{302, "", ErrAnswer, "302"},
		{403, "", ErrAnswer, "403"},
		{200, "<html>", ErrAnswer, "token"},
		{200, "{}", ErrAnswer, "no token"},
		{200, `{"access_token":"a"}`, ErrAnswer, "expiry"},
		{200, strings.Repeat(" ", maxBody+1), ErrAnswer, "larger"},
	}
	for _, test := range tests {
		client := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(test.status)
			io.WriteString(w, test.body)
		})
		_, err := client.FetchToken(t.Context())
		if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%d %.40q: %v", test.status, test.body, err)
		}
	}
}

func TestUnreachable(t *testing.T) {
	client, err := New(Config{Base: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Interfaces(t.Context()); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("error %v", err)
	}
	hanging := newClient(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := hanging.Interfaces(ctx); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "no answer in time") {
		t.Errorf("error %v", err)
	}
	for _, base := range []string{"169.254.169.254", "ftp://x", "http://"} {
		if _, err := New(Config{Base: base}); err == nil {
			t.Errorf("%q passes", base)
		}
	}
}

// An answer as the Azure documentation has it, with a floating IP on the LAN NIC.
const interfaces = `[
 {"ipv4":{"ipAddress":[{"privateIpAddress":"10.102.3.10","publicIpAddress":"203.0.113.5"}],"subnet":[{"address":"10.102.3.0","prefix":"24"}]},"ipv6":{"ipAddress":[]},"macAddress":"0022480000AA"},
 {"ipv4":{"ipAddress":[{"privateIpAddress":"10.102.2.10","publicIpAddress":""},{"privateIpAddress":"10.102.2.200","publicIpAddress":""}],"subnet":[{"address":"10.102.2.0","prefix":"24"}]},"ipv6":{"ipAddress":[]},"macAddress":"002248D5A1B2"}]`

// A stolen floating IP is seen without ARM.
func TestLists(t *testing.T) {
	client := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.String() != "/metadata/instance/network/interface?api-version=2021-02-01" || r.Header.Get("Metadata") != "true" {
			t.Errorf("asked for %s", r.URL)
		}
		io.WriteString(w, interfaces)
	})
	for _, test := range []struct {
		own, addr string
		want      bool
		err       error
	}{
		{"10.102.2.10", "10.102.2.200", true, nil},
		{"10.102.3.10", "10.102.2.200", false, nil}, // on the VM, but on another NIC
		{"10.102.2.10", "10.102.2.201", false, nil},
		{"10.102.2.11", "10.102.2.200", false, ErrNoInterface},
	} {
		got, err := client.Lists(t.Context(), netip.MustParseAddr(test.own), netip.MustParseAddr(test.addr))
		if got != test.want || !errors.Is(err, test.err) {
			t.Errorf("%s lists %s: %v, %v", test.own, test.addr, got, err)
		}
	}
	for other, want := range map[string]bool{"10.102.2.201": false, "10.102.2.10": true} {
		both := []netip.Addr{netip.MustParseAddr("10.102.2.200"), netip.MustParseAddr(other)}
		if got, err := client.Lists(t.Context(), netip.MustParseAddr("10.102.2.10"), both...); got != want || err != nil {
			t.Errorf("%v: %v, %v", both, got, err)
		}
	}
	if got, err := client.Lists(t.Context(), netip.MustParseAddr("10.102.2.10")); got || err != nil {
		t.Errorf("lists no address: %v, %v", got, err)
	}
	all, err := client.Interfaces(t.Context())
	if err != nil || len(all) != 2 || all[1].MAC.String() != "00:22:48:d5:a1:b2" {
		t.Errorf("interfaces %+v, %v", all, err)
	}
}

// FuzzParseInterfaces: what is accepted reads the same when it is written as
// IMDS writes it.
func FuzzParseInterfaces(f *testing.F) {
	f.Add([]byte(interfaces))
	f.Add([]byte(`[{"macAddress":"00","ipv4":{"ipAddress":[{}]}}]`))
	f.Add([]byte(`[{"macAddress":"002248D5A1B1","ipv4":{"ipAddress":[{"privateIpAddress":"fe80::1%eth0"}]}}]`))
	f.Add([]byte(`[null]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		all, err := parseInterfaces(body)
		if err != nil {
			if !errors.Is(err, ErrAnswer) {
				t.Errorf("error of another kind: %v", err)
			}
			return
		}
		written := []any{}
		for _, nic := range all {
			addresses := []any{}
			for _, a := range nic.Addresses {
				if !a.Is4() {
					t.Errorf("%s isn't IPv4", a)
				}
				addresses = append(addresses, map[string]any{"privateIpAddress": a.String(), "publicIpAddress": ""})
			}
			written = append(written, map[string]any{"macAddress": strings.ToUpper(hex.EncodeToString(nic.MAC)), "ipv4": map[string]any{"ipAddress": addresses}})
		}
		again, err := json.Marshal(written)
		if err != nil {
			t.Fatal(err)
		}
		if read, err := parseInterfaces(again); err != nil || !reflect.DeepEqual(read, all) {
			t.Errorf("%s is read as %v, and %s as %v (%v)", body, all, again, read, err)
		}
	})
}

// FuzzParseToken: what is accepted has a token and a moment at which it ends,
// and reads the same when it is written as IMDS writes it.
func FuzzParseToken(f *testing.F) {
	f.Add([]byte(`{"access_token":"abc","expires_in":"86400","expires_on":"1"}`))
	f.Add([]byte(`{"access_token":"abc","client_id":"x","expires_in":-1,"expires_on":"99999999999999999999"}`))
	f.Add([]byte(`{"access_token":"abc","expires_on":1764028800}`))
	now := time.Unix(1764028800, 0)
	f.Fuzz(func(t *testing.T, body []byte) {
		token, err := parseToken(body, now)
		if err != nil {
			if !errors.Is(err, ErrAnswer) || token != (Token{}) {
				t.Errorf("token %+v, %v", token, err)
			}
			return
		}
		again, err := json.Marshal(map[string]string{"access_token": token.Value, "client_id": token.ClientID,
			"expires_on": strconv.FormatInt(token.Expires.Unix(), 10), "token_type": "Bearer"})
		if err != nil {
			t.Fatal(err)
		}
		if read, err := parseToken(again, now); token.Value == "" || err != nil || read != token {
			t.Errorf("%s is read as %+v, and %s as %+v (%v)", body, token, again, read, err)
		}
	})
}
