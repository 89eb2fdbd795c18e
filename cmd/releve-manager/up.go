package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/terminal"
)

// upping is what the user asked of `releve-manager up`.
type upping struct {
	*options
	listen string
	names  []string
	owner  string
	drain  time.Duration

	webuiPorts   ports
	newAuthority bool
	keepEvents   days
	nats         string
	natsUser     string
	shown        shown
	signIn       signIn
}

func (o *options) upCommand() *cobra.Command {
	u := &upping{options: o, keepEvents: days(400 * 24 * time.Hour), webuiPorts: defaultPorts}
	cmd := &cobra.Command{
		Use: "up", Short: "Run the manager",
		Long: `Run the manager in the foreground, until SIGTERM or Ctrl-C, which let requests
finish and send the vSockets away.

The first start makes a database, a certificate authority of the manager's own,
whose fingerprint is printed, and a first owner, with a code that is good once.`,
		Example: `  releve-manager up
  releve-manager up --listen :443 --name manager.example --database postgres://releve@db.example/releve`,
		Args: terminal.Arguments(0, 0, "no arguments"),
		RunE: terminal.Interruptible(func(cmd *cobra.Command, _ []string) error {
			return u.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		}),
	}
	cmd.Flags().StringVar(&u.listen, "listen", ":8443", "address and port, for the API and for vSockets")
	cmd.Flags().StringSliceVar(&u.names, "name", nil, "names or addresses by which this manager is reached; for its certificate")
	cmd.Flags().Var(&u.webuiPorts, "webui-ports", "ports by which people reach vSockets' own pages through the manager, a vSocket each while it is in use")
	cmd.Flags().StringVar(&u.owner, "owner", "owner", "name of the first owner")
	cmd.Flags().StringVar(&u.nats, "nats", "", "nats://HOST: wake the other managers over this NATS instead of PostgreSQL's NOTIFY")
	cmd.Flags().StringVar(&u.natsUser, "nats-credentials", "", "file with the NATS user's credentials")
	cmd.Flags().Var(&u.keepEvents, "keep-events", "how long events are kept")
	cmd.Flags().BoolVar(&u.newAuthority, "new-authority", false, "serve though the database's vSockets believe another certificate authority: they have to enrol anew")
	u.shown.flags(cmd)
	u.signIn.flags(cmd)
	cmd.Flags().DurationVar(&u.drain, "drain", 10*time.Second, "how long requests and vSockets have to finish at the end")
	return cmd
}

func (u *upping) run(ctx context.Context, out, errOut io.Writer) (err error) {
	log := slog.New(slog.NewTextHandler(errOut, nil))
	// The address first: what can't serve makes nothing.
	listener, err := listenOn(u.listen)
	if err != nil {
		return err
	}
	m, err := u.open(ctx, listener.Addr(), log)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer func() { err = errors.Join(err, m.close()) }()
	code, err := m.firstOwner(ctx, u.owner)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	u.greet(out, m, listener.Addr(), code)
	return m.serve(ctx, listener, u.drain)
}

// listenOn says in one line what is wrong with an address, and how to mend it.
func listenOn(address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("listen on %s: the port is taken\nhint: stop the program that has it (ss -ltnp), or choose another with --listen", address)
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("listen on %s: not permitted\nhint: ports below 1024 need root, or AmbientCapabilities=CAP_NET_BIND_SERVICE in the unit", address)
	case err != nil:
		return nil, fmt.Errorf("listen on %s: %w\nhint: give --listen an address and a port, such as :8443", address, err)
	}
	return listener, nil
}

// certificateNames are those under which the manager can be reached.
func (u *upping) certificateNames(addr net.Addr) []string {
	names := u.publicNames()
	if host, err := os.Hostname(); err == nil {
		names = append(names, host)
	}
	names = append(names, "localhost", "127.0.0.1", "::1")
	if tcp, ok := addr.(*net.TCPAddr); ok && !tcp.IP.IsUnspecified() && !tcp.IP.IsLoopback() {
		names = append(names, tcp.IP.String())
	}
	return names
}

// publicNames are those that the user gave.
func (u *upping) publicNames() []string {
	return append(append([]string{}, u.shown.acme.Domains...), u.names...)
}

// address is where people reach the manager.
func (u *upping) address(addr net.Addr) string {
	if u.signIn.url != "" {
		return strings.TrimSuffix(u.signIn.url, "/")
	}
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return "https://" + addr.String()
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "localhost"
	}
	if names := u.publicNames(); len(names) > 0 {
		host = names[0]
	}
	if port == "443" {
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		return "https://" + host
	}
	return "https://" + net.JoinHostPort(host, port)
}

// firstOwner makes an account and an owner where there is nobody yet, and
// returns their code.
func (m *manager) firstOwner(ctx context.Context, name string) (code string, err error) {
	if somebody, err := m.access.Anybody(ctx); err != nil || somebody {
		return "", err
	}
	accounts, err := m.inventory.Accounts(ctx)
	if err != nil {
		return "", err
	}
	if len(accounts) == 0 { // or the start before ended here
		made, err := m.inventory.CreateAccount(ctx, "main")
		if err != nil {
			return "", err
		}
		accounts = append(accounts, made)
	}
	_, code, err = m.access.AddPerson(ctx, inventory.Actor{Account: accounts[0].ID, ID: "system"}, name, access.Owner)
	var refusal *inventory.Refusal
	if errors.As(err, &refusal) && refusal.Kind == inventory.Taken {
		return "", nil // another manager on this database was first
	}
	return code, err
}

func (u *upping) greet(out io.Writer, m *manager, addr net.Addr, code string) {
	address, fingerprint := u.address(addr), fmt.Sprintf("%x", m.authority.Fingerprint())
	t := terminal.NewTable(out)
	t.Row("manager", address)
	t.Row("fingerprint", fingerprint)
	t.Row("data", u.data)
	if err := t.Write(out); err != nil {
		m.log.Warn("nobody reads the greeting", slog.Any("reason", err))
	}
	if code != "" {
		fmt.Fprintf(out, `
There is nobody yet. Become %s, the first owner, within 24 hours, in a browser:
  %s/welcome#%s
or here:
  releve login %s --fingerprint %s --code %s
`, u.owner, address, code, address, fingerprint, code)
	}
}
