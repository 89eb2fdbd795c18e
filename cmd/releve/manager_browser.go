package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"time"

	"github.com/spf13/cobra"

	"releve.dev/releve/client"
	"releve.dev/releve/terminal"
)

// browserPatience is how long somebody may take in their browser.
const browserPatience = 10 * time.Minute

// byBrowser begins a session in which a browser on this machine signs in. It
// comes back to a port of ours on loopback with a code that is good with our
// verifier alone (RFC 8252, 7.3; RFC 7636).
func byBrowser(ctx context.Context, cmd *cobra.Command, c *client.Client) (client.Me, error) {
	ways, err := c.Ways(ctx)
	switch {
	case err != nil:
		return client.Me{}, err
	case ways.Provider == "":
		return client.Me{}, errors.New("this manager has no provider of OpenID Connect\nhint: log in with your password: releve login ADDRESS --name NAME")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return client.Me{}, fmt.Errorf("waiting for the browser: %w", err)
	}
	verifier, state := rand.Text()+rand.Text(), rand.Text()
	sum := sha256.Sum256([]byte(verifier))
	address := c.SignInAddress("http://"+listener.Addr().String()+"/", base64.RawURLEncoding.EncodeToString(sum[:]), state)
	fmt.Fprintf(cmd.ErrOrStderr(), "sign in in your browser:\n  %s\n", address)
	if terminal.Person(cmd.InOrStdin()) {
		openBrowser(ctx, address)
	}
	code, err := awaitBrowser(ctx, listener, state)
	if err != nil {
		return client.Me{}, err
	}
	return c.SignedIn(ctx, code, verifier)
}

// openBrowser tries to; the address is printed in any case.
func openBrowser(ctx context.Context, address string) {
	for _, program := range []string{"xdg-open", "open"} {
		if path, err := exec.LookPath(program); err == nil {
			_ = exec.CommandContext(ctx, path, address).Start()
			return
		}
	}
}

// came is what a browser brought.
type came struct {
	code string
	err  error
}

// awaitBrowser serves one page, to the browser that comes with the state.
func awaitBrowser(ctx context.Context, listener net.Listener, state string) (string, error) {
	ctx, stop := context.WithTimeout(ctx, browserPatience)
	defer stop()
	result := make(chan came, 1)
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(state)) != 1 {
			http.Error(w, "this isn't the sign-in that releve waits for", http.StatusBadRequest)
			return
		}
		got := came{code: q.Get("code")}
		text := "You are signed in. You may close this page."
		if got.code == "" {
			got.err = fmt.Errorf("the manager doesn't let you in: %s", q.Get("error"))
			text = "You are not signed in; the terminal says why. You may close this page."
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = fmt.Fprintln(w, text)
		select {
		case result <- got:
		default: // the browser came twice
		}
	})}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	defer func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = server.Shutdown(ending) // the page has to reach the browser
	}()
	select {
	case got := <-result:
		return got.code, got.err
	case err := <-failed:
		return "", fmt.Errorf("waiting for the browser: %w", err)
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return "", errors.New("nobody came back from the browser within ten minutes\nhint: the browser has to be on this machine; elsewhere log in with a password or a token")
		}
		return "", ctx.Err()
	}
}
