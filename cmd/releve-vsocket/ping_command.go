package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"releve.dev/releve/site"
	"releve.dev/releve/terminal"
	"releve.dev/releve/vsocket/config"
	"releve.dev/releve/vsocket/probe"
)

func (o *options) pingCommand() *cobra.Command {
	ping := probe.Ping{}
	var via string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "ping --via LAN1|WAN1|MGMT|tunnel HOST", Short: "Ping a host over one of the interfaces",
		Long: `Ping a host, by name or IPv4 address, out of the interface that is named. The
exit status is 1 if no reply came.`,
		Example: "  releve-vsocket ping --via WAN1 1.1.1.1\n  releve-vsocket ping --via LAN1 --count 3 10.102.2.200",
		Args:    terminal.Arguments(1, 1, "one host"),
		RunE: terminal.Interruptible(func(cmd *cobra.Command, args []string) error {
			if err := ping.Check(); err != nil {
				return terminal.Usage(err)
			}
			cfg, err := config.Load(o.config)
			if err != nil {
				return err
			}
			if ping.Interface, err = wayOut(cfg, via); err != nil {
				return err
			}
			if ping.To, err = probe.LookUp(cmd.Context(), args[0]); err != nil {
				return err
			}
			return runPing(cmd.Context(), cmd.OutOrStdout(), ping, args[0], asJSON)
		}),
	}
	cmd.Flags().StringVar(&via, "via", "", "interface: LAN1, WAN1, MGMT or tunnel (required)")
	cmd.Flags().IntVarP(&ping.Count, "count", "n", 10, "how many, 1 to 100")
	cmd.Flags().DurationVarP(&ping.Interval, "interval", "i", time.Second, "time between two")
	cmd.Flags().DurationVarP(&ping.Timeout, "timeout", "w", time.Second, "time to wait for each reply")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line, the sum last")
	return cmd
}

func runPing(ctx context.Context, out io.Writer, ping probe.Ping, host string, asJSON bool) error {
	p, encoder := terminal.PaletteFor(out), json.NewEncoder(out)
	if !asJSON {
		fmt.Fprintf(out, "pinging %s (%s) out of %s\n", host, ping.To, ping.Interface)
	}
	result, err := ping.Run(ctx, func(reply probe.Reply) {
		switch {
		case asJSON:
			encoder.Encode(reply)
		case reply.RTT > 0:
			fmt.Fprintf(out, "%3d  %d bytes from %s  %.2f ms\n", reply.Seq, reply.Bytes, reply.From, site.Milliseconds(reply.RTT))
		default:
			fmt.Fprintf(out, "%3d  %s\n", reply.Seq, p.Bad("no reply"))
		}
	})
	if err != nil {
		return err
	}
	if asJSON {
		encoder.Encode(result)
	} else {
		fmt.Fprintln(out, sumUp(result))
	}
	if result.Received == 0 {
		return terminal.ErrSilent
	}
	return nil
}

func sumUp(r probe.Result) string {
	text := fmt.Sprintf("%d sent, %d received", r.Sent, r.Received)
	if r.Sent > 0 {
		text += fmt.Sprintf(", %.0f %% lost", 100*float64(r.Sent-r.Received)/float64(r.Sent))
	}
	if r.Received > 0 {
		text += fmt.Sprintf("; %.2f / %.2f / %.2f ms (least, mean, most)",
			site.Milliseconds(r.Min), site.Milliseconds(r.Mean), site.Milliseconds(r.Max))
	}
	return text
}
