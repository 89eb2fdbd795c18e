package remote

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// rig is a door that says what it was asked, and a Remote before it.
func rig(t *testing.T) (remote *Remote, asked *[]string) {
	path := filepath.Join(t.TempDir(), "door")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	asked = &[]string{}
	door := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked = append(*asked, r.Method+" "+r.URL.RequestURI())
		io.WriteString(w, "line one\n")
		w.(http.Flusher).Flush()
		if r.URL.Query().Get("follow") == "true" {
			<-r.Context().Done()
		}
	})}
	go door.Serve(listener)
	remote = New(path, path)
	t.Cleanup(func() { remote.Close(); door.Close() })
	return remote, asked
}

func ask(t *testing.T, r *Remote, service, request string) (answer *bufio.Reader, conn net.Conn, served chan struct{}) {
	near, far := net.Pipe()
	served = make(chan struct{})
	go func() { defer close(served); r.Serve(service, far) }()
	go io.WriteString(near, request)
	return bufio.NewReader(near), near, served
}

const get = " HTTP/1.1\r\nHost: vsocket\r\nConnection: close\r\n\r\n"

// Issue 5, 3: what reads passes; what changes anything, or is unknown, doesn't.
func TestWhatPasses(t *testing.T) {
	r, asked := rig(t)
	for request, want := range map[string]int{
		"GET /status":                 200,
		"GET /journal?since=x":        200,
		"POST /restart":               200, // the one order
		"GET /restart":                405,
		"POST /stop":                  404,
		"POST /api-test":              404,
		"POST /status":                405,
		"GET /../stop":                307, // Go's mux cleans the path first, and then it is unknown
		"GET http://elsewhere/status": 200, // to the same door
	} {
		*asked = nil
		answer, conn, served := ask(t, r, Service, request+get)
		response, err := http.ReadResponse(answer, nil)
		if err != nil {
			t.Fatalf("%s: %v", request, err)
		}
		io.Copy(io.Discard, response.Body)
		conn.Close()
		<-served
		if response.StatusCode != want || (want == 200) != (len(*asked) == 1) {
			t.Errorf("%s: %s, and the door was asked %q", request, response.Status, *asked)
		}
	}
}

// Each line of what is followed comes at once, and its end ends the stream.
func TestFollow(t *testing.T) {
	r, _ := rig(t)
	answer, conn, served := ask(t, r, Service, "GET /journal?follow=true"+get)
	for {
		line, err := answer.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(line, "line one") {
			break
		}
	}
	conn.Close()
	<-served
}

// A service that isn't there, and a door without an agent.
func TestNobody(t *testing.T) {
	r, _ := rig(t)
	answer, _, served := ask(t, r, "shell", "GET /"+get)
	if _, err := answer.ReadByte(); err != io.EOF {
		t.Errorf("an unknown service: %v", err)
	}
	<-served
	none := filepath.Join(t.TempDir(), "none")
	r = New(none, none)
	answer, conn, served := ask(t, r, Service, "GET /status"+get)
	response, err := http.ReadResponse(answer, nil)
	if err != nil || response.StatusCode != http.StatusBadGateway {
		t.Errorf("no agent: %v, %v", response, err)
	}
	conn.Close()
	<-served
}

// The pages' service is their socket, byte for byte; without it the stream ends.
func TestPages(t *testing.T) {
	r, asked := rig(t)
	answer, conn, served := ask(t, r, WebUI, "POST /tools/ping"+get)
	response, err := http.ReadResponse(answer, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(response.Body); err != nil || string(body) != "line one\n" || len(*asked) != 1 || (*asked)[0] != "POST /tools/ping" {
		t.Errorf("%q, asked %q, %v", body, *asked, err)
	}
	conn.Close()
	<-served
	r.pages = filepath.Join(t.TempDir(), "none")
	answer, _, served = ask(t, r, WebUI, "GET /"+get)
	if _, err := answer.ReadByte(); err != io.EOF {
		t.Errorf("no pages: %v", err)
	}
	<-served
}
