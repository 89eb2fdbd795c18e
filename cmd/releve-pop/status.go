package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"releve.dev/releve/pop/config"
	"releve.dev/releve/pop/control"
	"releve.dev/releve/pop/hub"
	"releve.dev/releve/pop/witness"
	"releve.dev/releve/site"
	"releve.dev/releve/terminal"
	wire "releve.dev/releve/wire/witness"
)

func (o *options) statusCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "status", Short: "Say which sites are served, and which way",
		Long: `Ask the running PoP for its status: each site, by which vSocket its traffic goes
and may come, each vSocket's tunnel, and what was dropped.`,
		Example: "  releve-pop status\n  releve-pop status --json | jq '.sites[].downstream'",
		Args:    terminal.Arguments(0, 0, "no arguments"),
		RunE: terminal.Interruptible(func(cmd *cobra.Command, _ []string) error {
			client, err := o.dial()
			if err != nil {
				return err
			}
			status, err := client.Status(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return terminal.PrintJSON(cmd.OutOrStdout(), status)
			}
			return printStatus(cmd.OutOrStdout(), &status, time.Now())
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// dial finds the running PoP: in its settings' run directory, or in the default one
// if there are no settings, or if they were spoiled while it ran.
func (o *options) dial() (*control.Client, error) {
	standard := control.Socket(config.Default().RunDir)
	cfg, err := o.load()
	if err == nil {
		return control.Dial(control.Socket(cfg.RunDir)), nil
	}
	if _, none := os.Stat(standard); none == nil && o.config == config.DefaultPath {
		return control.Dial(standard), nil
	}
	return nil, err
}

// report is a status as a table.
type report struct {
	*terminal.Table
	now time.Time
}

func printStatus(out io.Writer, s *control.Status, now time.Time) error {
	r := &report{terminal.NewTable(out), now}
	fmt.Fprintf(out, "%s, PoP, version %s\n%d sites; up for %s\n\n", r.Bold(s.Name), s.Version, len(s.Sites), terminal.Age(now.Sub(s.Started).Seconds()))
	r.Row("Public key", s.PublicKey.String())
	for _, d := range s.Devices {
		r.Row("Device "+d.Name, r.device(d))
	}
	if s.Settings != (control.Settings{}) {
		r.Row("Manager", r.settings(s.Settings))
	}
	for i := range s.Sites {
		r.site(&s.Sites[i])
	}
	for _, f := range s.Refused {
		where := ", of the manager"
		if f.Line > 0 {
			where = fmt.Sprintf(", line %d", f.Line)
		}
		r.Row("Refused", r.Bad(f.Path)+": "+f.Reason+r.Dim(where))
	}
	r.Row("Dropped", r.dropped(s))
	for _, p := range s.Problems {
		r.Row("Problem", r.Bad(p))
	}
	return r.Write(out)
}

func (r *report) settings(s control.Settings) string {
	text := fmt.Sprintf("settings of generation %d", s.Generation)
	if s.Problem != "" {
		text += ": " + r.Bad(s.Problem)
	}
	return text
}

func (r *report) device(d hub.DeviceStatus) string {
	kind := "wireguard-go"
	if d.Kernel {
		kind = "the kernel's WireGuard"
	}
	if !d.Up {
		return r.Bad("down") + fmt.Sprintf(", for %s vSockets", d.Side)
	}
	return r.Good("up") + fmt.Sprintf(", for %s vSockets, UDP port %d, %s", d.Side, d.Port, kind)
}

func (r *report) site(s *control.Site) {
	ranges := make([]string, len(s.Ranges))
	for i, p := range s.Ranges {
		ranges[i] = p.String()
	}
	r.Row("Site "+s.Name, fmt.Sprintf("number %d, %s; down by the %s, up by %s", s.ID, strings.Join(ranges, " "), s.Downstream, upstream(s.Upstream)))
	for _, side := range hub.Sides {
		if v, ok := s.VSockets[side]; ok {
			r.Row("  "+side.String(), r.vsocket(&v))
		}
	}
	if s.Witness != nil {
		r.Row("  witness", r.witness(s.Witness))
	}
}

func (r *report) witness(w *witness.Status) string {
	text := fmt.Sprintf("term %d of the %s", w.Term, w.Holder)
	switch {
	case w.State == wire.Blank.String():
		return r.Bad("no record to go by") + ", waits to hear both vSockets"
	case w.Term == 0:
		text = "no term yet"
	case w.Holder == site.NoSide:
		text = fmt.Sprintf("term %d, of nobody yet", w.Term)
	case w.Promise > 0:
		text += fmt.Sprintf(", promised for %.0f ms", w.Promise)
	default:
		text += ", no promise"
	}
	if w.State == wire.Young.String() {
		text += r.Dim("; grants nothing in its first 3 s")
	}
	if w.Primary.Waits || w.Second.Waits {
		text += "; " + r.Bad("one has come from another PoP") + ", and waits until the other is heard here too"
	}
	if w.Problem != "" {
		text += ": " + r.Bad(w.Problem)
	}
	return text
}

func upstream(sides []site.Side) string {
	switch len(sides) {
	case 0:
		return "none"
	case 1:
		return "the " + sides[0].String()
	}
	return "both"
}

// alive is how old the last handshake of a tunnel that carries traffic may be
// (WireGuard's Reject-After-Time).
const alive = 180 * time.Second

func (r *report) vsocket(v *hub.VSocketStatus) string {
	text := r.Bad("never heard")
	if age := r.now.Sub(v.Handshake); !v.Handshake.IsZero() {
		text = r.Good("up")
		if age > alive {
			text = r.Bad("down")
		}
		text += r.Dim(", handshake " + terminal.Age(age.Seconds()) + " ago")
	}
	text = v.Address.String() + ", " + text
	if v.Endpoint.IsValid() {
		text += ", from " + v.Endpoint.String()
	}
	return text + fmt.Sprintf(", %s up, %s down", terminal.Scaled(8*v.ReceivedRate, "bit/s"), terminal.Scaled(8*v.SentRate, "bit/s")) +
		r.Dim(fmt.Sprintf("; %s and %s in all", terminal.Scaled(float64(v.Received), "B"), terminal.Scaled(float64(v.Sent), "B")))
}

func (r *report) dropped(s *control.Status) string {
	d := s.Dropped
	return fmt.Sprintf("%d by the wrong side of a site or from no site, %d misdirected, %d unsolicited, %d to the PoP itself",
		d.Fenced[site.Primary]+d.Fenced[site.Secondary], d.Misdirected, d.Unsolicited, d.Refused)
}
