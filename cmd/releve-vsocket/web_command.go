package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"releve.dev/releve/terminal"
	"releve.dev/releve/vsocket/config"
	"releve.dev/releve/vsocket/webui/certificate"
	"releve.dev/releve/vsocket/webui/signin"
)

// webPort is where the pages are, on MGMT.
const webPort = 443

func (o *options) webCommand() *cobra.Command {
	var listen string
	cmd := &cobra.Command{
		Use: "web", Short: "Serve the vSocket's own pages",
		Long: `Serve the vSocket's own pages, by TLS on its MGMT address: how it and its pair are,
the timeline, ping, traceroute, API test, packet capture. They work without the
manager and the cloud, and say so where the agent doesn't run. It is a process of
its own, so that nothing of it delays a keepalive.

The certificate is the vSocket's own; compare its fingerprint (releve-vsocket web
fingerprint) with the browser's. The first start makes a password and tells it
once, in the log.`,
		Example: "  releve-vsocket web --config /etc/releve/vsocket.yaml\n  releve-vsocket web passwd\n  releve-vsocket web fingerprint",
		Args:    terminal.Arguments(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.Load(o.config)
			if err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, syscall.SIGINT)
			defer stop()
			return stopped(o.serveWeb(ctx, cfg, listen))
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "", "address and port instead of MGMT's and 443, then not bound to its interface")
	cmd.AddCommand(o.webPasswdCommand(), o.webFingerprintCommand())
	return cmd
}

func webFolder(cfg *config.Config) string { return filepath.Join(cfg.StateDir, "web") }

func (o *options) webPasswdCommand() *cobra.Command {
	return &cobra.Command{
		Use: "passwd", Short: "Set the password of the pages",
		Long: `Set the password of the vSocket's own pages. It is asked for twice, or read from
the first line of the standard input if that is no terminal. All sessions end.`,
		Example: "  releve-vsocket web passwd\n  releve-vsocket web passwd < password-file",
		Args:    terminal.Arguments(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.Load(o.config)
			if err != nil {
				return err
			}
			chosen, err := askPassword(cmd.InOrStdin(), cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			if err := signin.Open(webFolder(cfg), now).Set(cmd.Context(), chosen); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), "the pages have another password; all sessions have ended")
			return nil
		},
	}
}

func askPassword(in io.Reader, out io.Writer) (string, error) {
	file, ok := in.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		line, err := bufio.NewReader(in).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	ask := func(what string) (string, error) {
		fmt.Fprint(out, what)
		typed, err := term.ReadPassword(int(file.Fd()))
		fmt.Fprintln(out)
		return string(typed), err
	}
	chosen, err := ask("new password: ")
	if err != nil {
		return "", err
	}
	again, err := ask("once more: ")
	if err == nil && again != chosen {
		err = errors.New("the two passwords differ")
	}
	return chosen, err
}

func (o *options) webFingerprintCommand() *cobra.Command {
	return &cobra.Command{
		Use: "fingerprint", Short: "Tell where the pages are, and their certificate's fingerprint",
		Long: `Tell where the vSocket's own pages are, and the SHA-256 fingerprint of the
certificate that they show, to be compared with the browser's.`,
		Example: "  releve-vsocket web fingerprint",
		Args:    terminal.Arguments(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.Load(o.config)
			if err != nil {
				return err
			}
			own, err := certificate.Read(webFolder(cfg))
			if errors.Is(err, fs.ErrNotExist) {
				return errors.New("there is no certificate yet\nhint: the first start of releve-vsocket web makes one")
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "https://%s\nSHA-256 %s\n", cfg.Interfaces.MGMT.Address.Addr(), certificate.Fingerprint(own))
			return nil
		},
	}
}
