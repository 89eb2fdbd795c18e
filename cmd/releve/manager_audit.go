package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"releve.dev/releve/client"
	"releve.dev/releve/terminal"
)

func (m *managed) auditCommand() *cobra.Command {
	var most int
	cmd := leaf("audit", "List the changes, the newest first", "releve audit --most 20", terminal.Arguments(0, 0, "no arguments"),
		func(ctx context.Context, cmd *cobra.Command, c *client.Client, _ []string) error {
			rows, err := all(most, func(after string, limit int) (client.Page[client.AuditRow], error) { return c.Audit(ctx, after, limit) })
			if err != nil {
				return err
			}
			return m.show(cmd, rows, func(out io.Writer) error {
				g := terminal.NewGrid(out, "WHEN", "WHO", "WHAT", "OF", "WHY", "REQUEST")
				for _, r := range rows {
					g.Row(when(&r.At), named(r.ActorName, r.Actor), r.Action, named(r.TargetName, r.Target), orDash(reason(r)), orDash(r.Request))
				}
				return g.Write(out)
			})
		})
	cmd.Flags().IntVar(&most, "most", 100, "how many; 0: all")
	return cmd
}

// named is a name beside what is named, as names change and ids don't.
func named(name, id string) string {
	if name == "" {
		return id
	}
	return name + " (" + id + ")"
}

// reason is why something was refused; of what was done there is none.
func reason(r client.AuditRow) string {
	if !strings.HasSuffix(r.Action, ".refuse") {
		return ""
	}
	var why struct {
		Reason  string `json:"reason"`
		From    string `json:"from"`
		LeftOut int    `json:"left_out"`
	}
	if json.Unmarshal(r.After, &why) != nil {
		return ""
	}
	text := why.Reason
	if why.From != "" {
		text += ", from " + why.From
	}
	if why.LeftOut > 0 {
		text += fmt.Sprintf("; %d more before it", why.LeftOut)
	}
	return text
}
