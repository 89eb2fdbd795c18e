package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"releve.dev/releve/azure/emulator"
	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/azure/emulator/store"
)

// azureCommand is what the releve program does about Azure itself.
func azureCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "azure",
		Short: "Work with Azure, or with an emulated one",
	}
	command.AddCommand(deployCommand(), haCommand(), doctorCommand(), emulateCommand())
	return command
}

// emulation is what the user asked of `releve azure emulate`.
type emulation struct {
	listen, imds, vm, profile, state, secret string
	names                                    []string
	seed                                     uint64
	verbose                                  bool
}

func emulateCommand() *cobra.Command {
	var e emulation
	command := &cobra.Command{
		Use:   "emulate",
		Short: "Serve an emulated Azure: ARM, OAuth and instance metadata",
		Long: `Serve an emulated Azure on this machine until Ctrl-C: Azure Resource Manager and
OAuth over HTTPS with a certificate authority of its own, and, with --imds, the
instance metadata service of one VM.

Writes take as long as the profile says: ` + strings.Join(profile.Names(), ", ") + `.`,
		Example: `  releve azure emulate --listen 127.0.0.1:8443 --profile fast
  releve azure emulate --state azure.json --imds 127.0.0.1:8080 --vm /subscriptions/.../virtualMachines/vm1
  curl --cacert CA https://127.0.0.1:8443/_emulator/calls`,
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return e.run(ctx, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := command.Flags()
	flags.StringVar(&e.listen, "listen", "127.0.0.1:8443", "address and port of ARM and OAuth (HTTPS)")
	flags.StringSliceVar(&e.names, "name", nil, "further names or addresses for the certificate")
	flags.StringVar(&e.imds, "imds", "", "address and port of the metadata service (HTTP); off if empty")
	flags.StringVar(&e.vm, "vm", "", "resource id of the VM that the metadata service speaks for")
	flags.StringVar(&e.profile, "profile", "fast", "how long writes take: "+strings.Join(profile.Names(), ", "))
	flags.StringVar(&e.state, "state", "", "file that keeps resources, CA and keys across restarts")
	flags.StringVar(&e.secret, "secret", emulator.DefaultSecret, "client secret of the administrator's application")
	flags.Uint64Var(&e.seed, "seed", 1, "seed of ids and delays")
	flags.BoolVar(&e.verbose, "verbose", false, "log each call")
	return command
}

func (e *emulation) run(ctx context.Context, out, errOut io.Writer) error {
	p, err := profile.Parse(e.profile)
	if err != nil {
		return err
	}
	if (e.imds == "") != (e.vm == "") {
		return errors.New("--imds and --vm belong together\nhint: the metadata service speaks for one VM; name it by its resource id")
	}
	listener, err := listenOn(e.listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	azure, err := emulator.New(emulator.Options{
		Store: store.Options{Profile: p, Seed: e.seed}, State: e.state, Secret: e.secret,
		Logger: slog.New(slog.NewTextHandler(errOut, nil)),
	})
	if err != nil {
		return err
	}
	azure.SetProfile(p) // also over a state file's
	arm, err := azure.HTTPServer(append(certificateNames(listener.Addr()), e.names...)...)
	if err != nil {
		return errors.Join(err, azure.Close())
	}
	ca, remove, err := e.writeCA(azure.CA())
	if err != nil {
		return errors.Join(err, azure.Close())
	}
	defer remove()
	failed := make(chan error, 2)
	go func() { failed <- arm.ServeTLS(listener, "", "") }()
	defer arm.Close()
	if e.imds != "" {
		imdsListener, err := listenOn(e.imds)
		if err != nil {
			return errors.Join(err, azure.Close())
		}
		imds := &http.Server{Handler: azure.IMDSHandler(e.vm), ReadHeaderTimeout: 10 * time.Second}
		go func() { failed <- imds.Serve(imdsListener) }()
		defer imds.Close()
	}
	if e.verbose {
		logCalls(azure, errOut)
	}
	e.greet(out, listener.Addr().String(), ca)
	select {
	case <-ctx.Done():
		return azure.Close()
	case err := <-failed:
		return errors.Join(fmt.Errorf("azure emulate: %w", err), azure.Close())
	}
}

// listenOn says in one line what is wrong with an address, and how to mend it.
func listenOn(address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("listen on %s: the port is taken\nhint: stop the program that has it (ss -ltnp), or choose another address", address)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("listen on %s: this machine does not have the address\nhint: add it to an interface, or listen on 127.0.0.1", address)
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("listen on %s: not permitted\nhint: ports below 1024 need root", address)
	case err != nil:
		return nil, fmt.Errorf("listen on %s: %w\nhint: give an address and a port, such as 127.0.0.1:8443", address, err)
	}
	return listener, nil
}

// certificateNames are those under which a listener can be reached.
func certificateNames(addr net.Addr) []string {
	names := []string{"localhost", "127.0.0.1"}
	if tcp, ok := addr.(*net.TCPAddr); ok && !tcp.IP.IsUnspecified() && !tcp.IP.IsLoopback() {
		names = append(names, tcp.IP.String())
	}
	return names
}

// writeCA puts the CA's certificate where clients can read it: beside the
// state file, or in a file that remove takes away.
func (e *emulation) writeCA(pem []byte) (path string, remove func(), err error) {
	if e.state != "" {
		path = strings.TrimSuffix(e.state, filepath.Ext(e.state)) + ".ca.pem"
		if err := os.WriteFile(path, pem, 0o644); err != nil {
			return "", nil, fmt.Errorf("certificate of the CA: %w", err)
		}
		return path, func() {}, nil
	}
	file, err := os.CreateTemp("", "releve-azure-ca-*.pem")
	if err != nil {
		return "", nil, fmt.Errorf("certificate of the CA: %w", err)
	}
	_, err = file.Write(pem)
	if err := errors.Join(err, file.Close()); err != nil {
		return "", nil, errors.Join(fmt.Errorf("certificate of the CA: %w", err), os.Remove(file.Name()))
	}
	return file.Name(), func() { os.Remove(file.Name()) }, nil
}

func (e *emulation) greet(out io.Writer, address, ca string) {
	endpoint := "https://" + address
	fmt.Fprintf(out, "ARM endpoint   %s\n", endpoint)
	fmt.Fprintf(out, "CA to trust    %s\n", ca)
	fmt.Fprintf(out, "subscription   %s\n", store.DefaultSubscription)
	fmt.Fprintf(out, "profile        %s\n", e.profile)
	if e.imds != "" {
		fmt.Fprintf(out, "metadata       http://%s for %s\n", e.imds, e.vm)
	}
	fmt.Fprintf(out, `
get a token    curl --cacert %[2]s -d grant_type=client_credentials -d client_id=%[3]s \
                 -d client_secret=%[4]s -d scope=https://management.azure.com/.default \
                 %[1]s/%[5]s/oauth2/v2.0/token
break it       curl --cacert %[2]s -d '{"kind":"silent","client":"*","for":"30s"}' %[1]s/_emulator/faults
look at it     curl --cacert %[2]s %[1]s/_emulator/calls
Ctrl-C ends it.
`, endpoint, ca, emulator.AdminClientID, e.secret, store.DefaultTenant)
}

func logCalls(azure *emulator.Server, errOut io.Writer) {
	log := slog.New(slog.NewTextHandler(errOut, nil))
	azure.OnCall(func(stage emulator.Stage, c emulator.Call) {
		if stage == emulator.Sent {
			log.Info("call", slog.String("who", c.Who), slog.String("method", c.Method), slog.String("path", c.Path),
				slog.Int("status", c.Status), slog.String("code", c.Code), slog.Duration("took", c.Duration))
		}
	})
}
