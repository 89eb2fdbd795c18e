package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"releve.dev/releve/site"
	"releve.dev/releve/terminal"
	"releve.dev/releve/vsocket/config"
	"releve.dev/releve/vsocket/probe"
)

// The bounds of the source's ping tool (F4; vendor-system.md (e)).
const (
	mostPings   = 100
	longestPing = 120 * time.Second
)

func (o *options) pingCommand() *cobra.Command {
	ping := probe.Ping{}
	var via string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "ping --via LAN1|WAN1|MGMT HOST", Short: "Ping a host over one of the interfaces",
		Long: `Ping a host, by name or IPv4 address, out of the interface that is named. The
exit status is 1 if no reply came.`,
		Example: "  releve-vsocket ping --via WAN1 1.1.1.1\n  releve-vsocket ping --via LAN1 --count 3 10.102.2.200",
		Args:    terminal.Arguments(1, 1, "one host"),
		RunE: terminal.Interruptible(func(cmd *cobra.Command, args []string) error {
			if err := checkPing(&ping); err != nil {
				return terminal.Usage(err)
			}
			cfg, err := config.Load(o.config)
			if err != nil {
				return err
			}
			iface, err := interfaceFor(via, &cfg.Interfaces)
			if err != nil {
				return terminal.Usage(err)
			}
			if ping.Interface, err = nameOf(iface); err != nil {
				return err
			}
			if ping.To, err = lookUp(cmd.Context(), args[0]); err != nil {
				return err
			}
			return runPing(cmd.Context(), cmd.OutOrStdout(), ping, args[0], asJSON)
		}),
	}
	cmd.Flags().StringVar(&via, "via", "", "interface: LAN1, WAN1 or MGMT (required)")
	cmd.Flags().IntVarP(&ping.Count, "count", "n", 10, "how many, 1 to 100")
	cmd.Flags().DurationVarP(&ping.Interval, "interval", "i", time.Second, "time between two")
	cmd.Flags().DurationVarP(&ping.Timeout, "timeout", "w", time.Second, "time to wait for each reply")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line, the sum last")
	return cmd
}

func checkPing(p *probe.Ping) error {
	switch {
	case p.Count < 1 || p.Count > mostPings:
		return fmt.Errorf("--count: %d is not between 1 and %d", p.Count, mostPings)
	case p.Interval < 10*time.Millisecond:
		return fmt.Errorf("--interval: %s is shorter than 10ms", p.Interval)
	case p.Timeout < time.Millisecond || p.Timeout > 10*time.Second:
		return fmt.Errorf("--timeout: %s is not between 1ms and 10s", p.Timeout)
	case time.Duration(p.Count)*max(p.Interval, p.Timeout) > longestPing:
		return fmt.Errorf("%d pings, one each %s, may take longer than %s", p.Count, max(p.Interval, p.Timeout), longestPing)
	}
	return nil
}

// interfaceFor maps the source's names of routes to the guest's interfaces.
func interfaceFor(via string, all *config.Interfaces) (config.Interface, error) {
	switch strings.ToUpper(via) {
	case "LAN1", "LAN":
		return all.LAN, nil
	case "WAN1", "WAN":
		return all.WAN, nil
	case "MGMT":
		return all.MGMT, nil
	case "":
		return config.Interface{}, errors.New("ping wants --via LAN1, WAN1 or MGMT")
	}
	return config.Interface{}, fmt.Errorf("--via: %q is neither LAN1, WAN1 nor MGMT", via)
}

func lookUp(ctx context.Context, host string) (netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr.Is4() {
			return addr, nil
		}
		return addr, fmt.Errorf("%s is not an IPv4 address", host)
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip4", host)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("looking up %s: %w\nhint: the vSocket needs a public DNS server (C2); an address works without one", host, err)
	}
	return addrs[0].Unmap(), nil
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
