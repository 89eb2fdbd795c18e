package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestEmulate: it says how to reach it, answers there under its CA, and ends
// cleanly with nothing left.
func TestEmulate(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		e := emulation{listen: "127.0.0.1:0", profile: "instant"}
		ended <- e.run(ctx, writer, io.Discard)
		writer.Close()
	}()
	var text strings.Builder
	chunk := make([]byte, 4096)
	for !strings.Contains(text.String(), "Ctrl-C") {
		n, err := reader.Read(chunk)
		text.Write(chunk[:n])
		if err != nil {
			t.Fatalf("%v after %s", <-ended, text.String())
		}
	}
	found := regexp.MustCompile(`ARM endpoint +(\S+)\nCA to trust +(\S+)`).FindStringSubmatch(text.String())
	if found == nil {
		t.Fatalf("greeting %s", text.String())
	}
	pem, err := os.ReadFile(found[2])
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	defer client.CloseIdleConnections()
	answer, err := client.Get(found[1] + "/metadata/endpoints?api-version=2022-09-01")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("status %d", answer.StatusCode)
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(found[2]); !os.IsNotExist(err) {
		t.Fatalf("the CA's file is left: %v", err)
	}
}

// TestEmulateRefusals: one line that says what is wrong, and a hint.
func TestEmulateRefusals(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, e := range map[string]emulation{
		"port taken":      {listen: taken.Addr().String(), profile: "fast"},
		"not our address": {listen: "192.0.2.1:8443", profile: "fast"},
		"no port":         {listen: "127.0.0.1", profile: "fast"},
		"no such profile": {listen: "127.0.0.1:0", profile: "quick"},
		"IMDS without VM": {listen: "127.0.0.1:0", profile: "fast", imds: "127.0.0.1:0"},
		"IMDS port taken": {listen: "127.0.0.1:0", profile: "fast", imds: taken.Addr().String(), vm: "/x"},
	} {
		t.Run(name, func(t *testing.T) {
			err := e.run(t.Context(), io.Discard, io.Discard)
			if err == nil {
				t.Fatal("no error")
			}
			lines := strings.Split(err.Error(), "\n")
			if len(lines) != 2 || !strings.HasPrefix(lines[1], "hint: ") {
				t.Fatalf("error %q", err)
			}
		})
	}
}
