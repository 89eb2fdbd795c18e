package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"

	"github.com/spf13/cobra"

	"releve.dev/releve/client"
	"releve.dev/releve/terminal"
)

// login is what the user asked of `releve login`.
type login struct {
	name, fingerprint, code string
	browser                 bool
}

func (m *managed) loginCommand() *cobra.Command {
	var l login
	cmd := &cobra.Command{
		Use: "login ADDRESS", Short: "Log in to a manager",
		Long: `Log in to a manager, and keep a token of 90 days in a file that you alone may
read. The password is asked for at a terminal, and else read from the standard
input. With --code it is a new password, of 12 characters at least.

With --oidc you sign in at the manager's provider of OpenID Connect, in a browser
on this machine, whose address is printed.

A manager with its own CA is believed by the fingerprint that "releve-manager up"
printed, and by nothing else. Programs set RELEVE_MANAGER, RELEVE_TOKEN and
RELEVE_FINGERPRINT instead.`,
		Example: `  releve login https://manager.example:8443 --name alice
  releve login https://manager.example --oidc
  releve login https://10.1.2.3:8443 --fingerprint 5f3a… --code rlvc_…`,
		Args: terminal.Arguments(1, 1, "the manager's address"),
		RunE: terminal.Interruptible(func(cmd *cobra.Command, args []string) error { return m.login(cmd, args[0], l) }),
	}
	cmd.Flags().StringVar(&l.name, "name", "", "who you are; default: your name on this machine")
	cmd.Flags().StringVar(&l.fingerprint, "fingerprint", "", "SHA-256 of the manager's CA")
	cmd.Flags().StringVar(&l.code, "code", "", "one-time code, with which you set your password")
	cmd.Flags().BoolVar(&l.browser, "oidc", false, "sign in at the manager's provider, in a browser on this machine")
	cmd.MarkFlagsMutuallyExclusive("oidc", "code")
	cmd.MarkFlagsMutuallyExclusive("oidc", "name")
	return cmd
}

func (m *managed) login(cmd *cobra.Command, address string, l login) error {
	c, err := client.New(address, l.fingerprint, "")
	if err != nil {
		return err
	}
	me, err := l.begin(cmd.Context(), cmd, c)
	if err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "a machine"
	}
	made, err := c.NewToken(cmd.Context(), client.NewToken{Name: "releve on " + host, Scopes: me.May})
	if err != nil {
		return err
	}
	// The token is what is kept; the session was for making it.
	if err := c.Logout(cmd.Context()); err != nil {
		return err
	}
	saved := client.Saved{Address: strings.TrimSuffix(address, "/"), Fingerprint: l.fingerprint, Token: made.Secret,
		TokenID: made.Token.ID, Name: me.Name}
	if err := saved.Save(); err != nil {
		return err
	}
	return m.show(cmd, me, func(out io.Writer) error {
		_, err := fmt.Fprintf(out, "logged in as %s, %s, until %s\n", me.Name, me.Role, when(&made.Token.Expires))
		return err
	})
}

func (l login) begin(ctx context.Context, cmd *cobra.Command, c *client.Client) (client.Me, error) {
	if l.browser {
		return byBrowser(ctx, cmd, c)
	}
	if l.code != "" {
		password, err := newPassword(cmd)
		if err != nil {
			return client.Me{}, err
		}
		return c.Redeem(ctx, l.code, password)
	}
	if l.name == "" {
		who, err := user.Current()
		if err != nil {
			return client.Me{}, terminal.Usage(errors.New("who are you?\nhint: give --name"))
		}
		l.name = who.Username
	}
	password, err := terminal.Secret(cmd.InOrStdin(), cmd.ErrOrStderr(), "password of "+l.name)
	if err != nil {
		return client.Me{}, err
	}
	return c.Login(ctx, l.name, password)
}

// newPassword asks a person twice: nobody sees what they type.
func newPassword(cmd *cobra.Command) (string, error) {
	password, err := terminal.Secret(cmd.InOrStdin(), cmd.ErrOrStderr(), "new password")
	if err != nil || !terminal.Person(cmd.InOrStdin()) {
		return password, err
	}
	again, err := terminal.Secret(cmd.InOrStdin(), cmd.ErrOrStderr(), "once more")
	if err != nil {
		return "", err
	}
	if again != password {
		return "", errors.New("the two passwords differ\nhint: try again; the code is still good")
	}
	return password, nil
}

func (m *managed) logoutCommand() *cobra.Command {
	return &cobra.Command{
		Use: "logout", Short: "Revoke the token of this machine, and forget it",
		Long:    "Revoke the token that login made, and remove its file.",
		Example: "  releve logout",
		Args:    terminal.Arguments(0, 0, "no arguments"),
		RunE: terminal.Interruptible(func(cmd *cobra.Command, _ []string) error {
			saved, err := client.Load()
			if err != nil {
				return err
			}
			revoked := revoke(cmd.Context(), saved)
			if err := client.Forget(); err != nil {
				return errors.Join(err, revoked)
			}
			return revoked
		}),
	}
}

// revoke ends a login's token; one that is good no more has ended.
func revoke(ctx context.Context, saved client.Saved) error {
	c, err := saved.Client()
	if err != nil || saved.TokenID == "" {
		return err
	}
	err = c.RevokeToken(ctx, saved.TokenID)
	var p *client.Problem
	if errors.As(err, &p) && (p.Status == 401 || p.Status == 404) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the login is forgotten here, but its token wasn't revoked: %w", err)
	}
	return nil
}

func (m *managed) whoamiCommand() *cobra.Command {
	return leaf("whoami", "Say who you are to the manager, and what you may do", "releve whoami", terminal.Arguments(0, 0, "no arguments"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, _ []string) error {
			me, err := c.Me(ctx)
			if err != nil {
				return err
			}
			return m.show(cmd, me, func(out io.Writer) error {
				t := terminal.NewTable(out)
				t.Row("name", me.Name)
				t.Row("role", me.Role)
				t.Row("may", strings.Join(me.May, ", "))
				return t.Write(out)
			})
		})
}
