package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"releve.dev/releve/manager/certificate/acmetest"
	"releve.dev/releve/manager/oidc/oidctest"
)

// browser is a person's, and the provider at which they sign in.
type browser struct {
	provider *oidctest.Provider
	trust    string // file with the provider's certificate, for managers
}

func newBrowser(t *testing.T) browser {
	t.Helper()
	b := browser{oidctest.Start(t, nil), filepath.Join(t.TempDir(), "provider.pem")}
	err := os.WriteFile(b.trust, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: b.provider.Certificate().Raw}), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// issuer gives a manager that has a client at a provider this one.
func (b browser) issuer(args []string) []string {
	if slices.Contains(args, "--oidc-client-id") {
		return []string{"--oidc-issuer", b.provider.URL}
	}
	return nil
}

// login is "browse CLAIMS releve login ARGS": the command, and a person with the
// claims in the file who goes with their browser where it says. What both say is in the
// file answer.
func (b browser) login(ts *testscript.TestScript, neg bool, args []string) {
	var claims map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &claims))
	b.provider.Is(claims)
	cmd := exec.Command(args[1], args[2:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "RELEVE_LOGIN", "HOME", "TZ", "GOCOVERDIR", "GORACE"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	var out strings.Builder
	cmd.Stdout = &out
	said, err := cmd.StderrPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	lines := bufio.NewScanner(said)
	for lines.Scan() {
		out.WriteString(lines.Text() + "\n")
		if address, is := strings.CutPrefix(lines.Text(), "  https://"); is {
			out.WriteString(visit(ts, "https://"+address))
		}
	}
	if err := cmd.Wait(); (err != nil) != neg {
		ts.Fatalf("%v\n%s", err, out.String())
	}
	ts.Check(os.WriteFile(ts.MkAbs("answer"), []byte(out.String()), 0o600))
}

// visit is what a browser does with an address; it ends at the page it shows.
func visit(ts *testscript.TestScript, address string) string {
	jar, err := cookiejar.New(nil)
	ts.Check(err)
	c := http.Client{Jar: jar, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, Timeout: 20 * time.Second}
	defer c.CloseIdleConnections()
	response, err := c.Get(address)
	ts.Check(err)
	text, err := io.ReadAll(response.Body)
	ts.Check(err)
	ts.Check(response.Body.Close())
	return string(text)
}

// certificateFor is "signs CERT KEY": a new certificate of this machine, which is
// its own CA.
func certificateFor(ts *testscript.TestScript, _ bool, args []string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "a company"}, IsCA: true,
		BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	ts.Check(err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
}

// authority gives certificates by ACME to whoever listens at the port.
type authority struct {
	server *acmetest.Server
	port   *net.TCPAddr
}

func newCA(t *testing.T) authority {
	port := acmetest.FreePort(t)
	return authority{acmetest.Start(t, port.Port), port}
}

// tell is "ca": where it is, and the address at which it looks.
func (a authority) tell(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Setenv("ACME", a.server.Directory())
	ts.Setenv("LISTEN", a.port.String())
}

// shows is "shows NAME": at the port a client of that name is shown a certificate
// of the authority's, within a while.
func (a authority) shows(ts *testscript.TestScript, neg bool, args []string) {
	var err error
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); <-time.After(100 * time.Millisecond) {
		var conn *tls.Conn
		if conn, err = tls.Dial("tcp", a.port.String(), &tls.Config{ServerName: args[0], RootCAs: a.server.Roots}); err == nil {
			ts.Check(conn.Close())
		}
		if (err != nil) == neg {
			return
		}
	}
	ts.Fatalf("%s is shown: %v", args[0], err)
}
