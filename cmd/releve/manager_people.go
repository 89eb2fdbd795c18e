package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"releve.dev/releve/client"
	"releve.dev/releve/terminal"
)

func (m *managed) userCommand() *cobra.Command {
	group := terminal.Group("user", "The account's people and their roles", "Work with the account's people: add them, give them roles, take them away.")
	group.AddCommand(m.userList(), m.userAdd(), m.userSet(), m.userDelete(), m.userCode(), m.userLinks(), m.userLink(), m.userUnlink(), m.userEndPasskeys())
	return group
}

func people(ctx context.Context, c *client.Client) ([]client.Person, error) {
	return all(0, func(after string, limit int) (client.Page[client.Person], error) { return c.People(ctx, after, limit) })
}

// findPerson finds one by name or id.
func findPerson(ctx context.Context, c *client.Client, name string) (client.Person, error) {
	everybody, err := people(ctx, c)
	if err != nil {
		return client.Person{}, err
	}
	for _, p := range everybody {
		if p.Name == name || p.ID == name {
			return p, nil
		}
	}
	return client.Person{}, fmt.Errorf("there is no person %q\nhint: releve user list shows them", name)
}

func (m *managed) userList() *cobra.Command {
	return leaf("list", "List the account's people", "releve user list", terminal.Arguments(0, 0, "no arguments"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, _ []string) error {
			everybody, err := people(ctx, c)
			if err != nil {
				return err
			}
			return m.show(cmd, everybody, func(out io.Writer) error {
				g := terminal.NewGrid(out, "NAME", "ROLE", "STATE", "SINCE", "SIGNED IN")
				for _, p := range everybody {
					state := "active"
					switch {
					case p.Disabled:
						state = "disabled"
					case p.Invited:
						state = "invited"
					}
					g.Row(p.Name, p.Role, state, when(&p.Created), when(p.SignedIn))
				}
				return g.Write(out)
			})
		})
}

func (m *managed) userAdd() *cobra.Command {
	n := client.NewPerson{}
	cmd := leaf("add NAME", "Add a person; the code that is printed lets them set their password, once", "releve user add bob --role viewer",
		terminal.Arguments(1, 1, "a name"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, args []string) error {
			n.Name = args[0]
			made, err := c.AddPerson(ctx, n)
			if err != nil {
				return err
			}
			return m.showCode(cmd, made)
		})
	roleFlag(cmd, &n.Role, "viewer")
	return cmd
}

func roleFlag(cmd *cobra.Command, into *string, value string) {
	cmd.Flags().StringVar(into, "role", value, "viewer, editor, owner or auditor")
	// Only an unknown flag's name makes it fail.
	_ = cmd.RegisterFlagCompletionFunc("role", cobra.FixedCompletions([]string{"viewer", "editor", "owner", "auditor"}, cobra.ShellCompDirectiveNoFileComp))
}

func (m *managed) showCode(cmd *cobra.Command, made client.Code) error {
	return m.show(cmd, made, func(out io.Writer) error {
		_, err := fmt.Fprintf(out, "%s is %s; the code, good once, for 24 hours:\n%s\n", made.Person.Name, made.Person.Role, made.Code)
		return err
	})
}

func (m *managed) userSet() *cobra.Command {
	var role string
	var disabled bool
	cmd := leaf("set NAME", "Change a person's role, or whether they may log in", "releve user set bob --role editor",
		terminal.Arguments(1, 1, "a name"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, args []string) error {
			p, err := findPerson(ctx, c, args[0])
			if err != nil {
				return err
			}
			next := client.PersonChange{Role: p.Role, Disabled: p.Disabled}
			if role != "" {
				next.Role = role
			}
			if cmd.Flags().Changed("disabled") {
				next.Disabled = disabled
			}
			if p, err = c.SetPerson(ctx, p.ID, next); err != nil {
				return err
			}
			return m.done(cmd, p, "%s is %s", p.Name, p.Role)
		})
	roleFlag(cmd, &role, "")
	cmd.Flags().BoolVar(&disabled, "disabled", false, "may not log in; their tokens are good no more")
	return cmd
}

func (m *managed) userDelete() *cobra.Command {
	return leaf("delete NAME", "Delete a person, their sessions and tokens", "releve user delete bob", terminal.Arguments(1, 1, "a name"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, args []string) error {
			p, err := findPerson(ctx, c, args[0])
			if err != nil {
				return err
			}
			if err := c.DeletePerson(ctx, p.ID); err != nil {
				return err
			}
			return m.done(cmd, struct{}{}, "%s is deleted", p.Name)
		})
}

func (m *managed) userCode() *cobra.Command {
	return leaf("code NAME", "Make a code for a person who has lost their password", "releve user code bob", terminal.Arguments(1, 1, "a name"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, args []string) error {
			p, err := findPerson(ctx, c, args[0])
			if err != nil {
				return err
			}
			made, err := c.PersonCode(ctx, p.ID)
			if err != nil {
				return err
			}
			return m.showCode(cmd, made)
		})
}

func (m *managed) userLinks() *cobra.Command {
	return leaf("links NAME", "List who a person is at providers", "releve user links bob", terminal.Arguments(1, 1, "a name"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, args []string) error {
			p, err := findPerson(ctx, c, args[0])
			if err != nil {
				return err
			}
			page, err := c.Links(ctx, p.ID)
			if err != nil {
				return err
			}
			return m.show(cmd, page.Items, func(out io.Writer) error {
				g := terminal.NewGrid(out, "ISSUER", "SUBJECT")
				for _, i := range page.Items {
					g.Row(i.Issuer, i.Subject)
				}
				return g.Write(out)
			})
		})
}

func (m *managed) userLink() *cobra.Command {
	var i client.Identity
	cmd := leaf("link NAME", "Let somebody at the provider of OpenID Connect be this person, who keeps their role", "releve user link bob --subject 248289761001",
		terminal.Arguments(1, 1, "a name"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, args []string) error {
			p, err := findPerson(ctx, c, args[0])
			if err != nil {
				return err
			}
			if err := c.LinkPerson(ctx, p.ID, i); err != nil {
				return err
			}
			return m.done(cmd, i, "%s may sign in at the provider", p.Name)
		})
	cmd.Flags().StringVar(&i.Subject, "subject", "", "the claim sub of the provider's tokens; a refused sign-in leaves it in the audit log")
	cmd.Flags().StringVar(&i.Issuer, "issuer", "", "the provider; default: the manager's")
	return required(cmd, "subject")
}

func (m *managed) userUnlink() *cobra.Command {
	return leaf("unlink NAME", "End a person's links to providers", "releve user unlink bob", terminal.Arguments(1, 1, "a name"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, args []string) error {
			p, err := findPerson(ctx, c, args[0])
			if err != nil {
				return err
			}
			if err := c.UnlinkPerson(ctx, p.ID); err != nil {
				return err
			}
			return m.done(cmd, struct{}{}, "%s may sign in at no provider", p.Name)
		})
}

func (m *managed) userEndPasskeys() *cobra.Command {
	return leaf("end-passkeys NAME", "End all passkeys of a person, who may have lost the device", "releve user end-passkeys bob", terminal.Arguments(1, 1, "a name"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, args []string) error {
			p, err := findPerson(ctx, c, args[0])
			if err != nil {
				return err
			}
			if err := c.EndPasskeys(ctx, p.ID); err != nil {
				return err
			}
			return m.done(cmd, struct{}{}, "%s has no passkeys", p.Name)
		})
}

func (m *managed) tokenCommand() *cobra.Command {
	group := terminal.Group("token", "Your tokens, for programs", "Work with your tokens: what a program shows instead of a password.")
	group.AddCommand(m.tokenList(), m.tokenCreate(), m.tokenRevoke())
	return group
}

func (m *managed) tokenList() *cobra.Command {
	return leaf("list", "List your tokens", "releve token list", terminal.Arguments(0, 0, "no arguments"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, _ []string) error {
			page, err := c.Tokens(ctx)
			if err != nil {
				return err
			}
			return m.show(cmd, page.Items, func(out io.Writer) error {
				g := terminal.NewGrid(out, "ID", "NAME", "EXPIRES", "LAST USED", "SCOPES")
				for _, t := range page.Items {
					g.Row(t.ID, t.Name, when(&t.Expires), when(t.Used), strings.Join(t.Scopes, ","))
				}
				return g.Write(out)
			})
		})
}

func (m *managed) tokenCreate() *cobra.Command {
	var n client.NewToken
	cmd := leaf("create NAME", "Make a token; its secret is printed once", "releve token create terraform --scope site.read,site.change --days 30",
		terminal.Arguments(1, 1, "a name"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, args []string) error {
			n.Name = args[0]
			made, err := c.NewToken(ctx, n)
			if err != nil {
				return err
			}
			return m.show(cmd, made, func(out io.Writer) error {
				_, err := fmt.Fprintln(out, made.Secret)
				return err
			})
		})
	cmd.Flags().StringSliceVar(&n.Scopes, "scope", nil, "actions that it may do, of yours (releve whoami)")
	cmd.Flags().IntVar(&n.Days, "days", 0, "how long it lives; default 90")
	return required(cmd, "scope")
}

func (m *managed) tokenRevoke() *cobra.Command {
	return leaf("revoke ID", "Revoke one of your tokens", "releve token revoke 0193…", terminal.Arguments(1, 1, "a token's id"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, args []string) error {
			if err := c.RevokeToken(ctx, args[0]); err != nil {
				return err
			}
			return m.done(cmd, struct{}{}, "the token %s is good no more", args[0])
		})
}
