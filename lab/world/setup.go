package world

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"releve.dev/releve/azure/emulator/store"
	"releve.dev/releve/lab/room"
)

// Desk is where an administrator of a bare lab sits: the built `releve` with what it
// takes to reach the lab's Azure and manager, in a home of its own.
type Desk struct {
	program string
	env     []string
}

// password is the one that the administrator takes at the manager.
const password = "correct horse battery staple"

// NewDesk opens a way into the lab and signs in at its manager.
func (w *World) NewDesk(ctx context.Context) (*Desk, error) {
	program, err := room.Program()
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("a way into the lab: %w", err)
	}
	w.OpenGateway(listener)
	home := filepath.Join(w.dir, "home")
	if err := os.MkdirAll(home, 0o700); err != nil {
		return nil, err
	}
	id, secret := w.Administrator()
	d := &Desk{program, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "XDG_CONFIG_HOME=" + home, "HTTPS_PROXY=http://" + listener.Addr().String(),
		"RELEVE_AZURE_ENDPOINT=" + w.endpoint(), "RELEVE_AZURE_CA=" + w.caFile(), "AZURE_TENANT_ID=" + store.DefaultTenant,
		"AZURE_CLIENT_ID=" + id, "AZURE_CLIENT_SECRET=" + secret, "AZURE_SUBSCRIPTION_ID=" + w.layout.Subscription}}
	code, err := w.Owner().Invite(ctx, "owner")
	if err != nil {
		return nil, fmt.Errorf("add an owner at the manager: %w", err)
	}
	_, err = d.run(ctx, password+"\n"+password+"\n", "login", "https://"+managerName, "--fingerprint", w.Owner().Fingerprint, "--code", code)
	return d, err
}

// Run runs `releve` with these arguments, and returns what it prints.
func (d *Desk) Run(ctx context.Context, args ...string) (string, error) {
	return d.run(ctx, "", args...)
}

func (d *Desk) run(ctx context.Context, input string, args ...string) (string, error) {
	var out, complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, d.program, args...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = d.env, strings.NewReader(input), &out, &complaint
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("releve %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(append(out.Bytes(), complaint.Bytes()...)))
	}
	return out.String(), nil
}

// PairUp adds the secondary at the manager, with this lab's timers.
func (w *World) PairUp(ctx context.Context) error {
	if _, err := w.AddSecondary(ctx); err != nil {
		return err
	}
	_, err := w.SetHA(ctx, w.haChange())
	return err
}
