package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/lab/console"
	"releve.dev/releve/lab/room"
	"releve.dev/releve/lab/scenario"
	"releve.dev/releve/lab/story"
	"releve.dev/releve/lab/term"
	"releve.dev/releve/lab/world"
	"releve.dev/releve/vsocket/config"
)

func labCommand() *cobra.Command {
	lab := &cobra.Command{
		Use:   "lab",
		Short: "Run a whole Azure site on this machine, with real packets",
		Long: `Run a whole Azure site on this machine: two vSockets, a floating IP, an emulated
Azure, a VM and the Internet, with real packets between them.

It needs Linux, and root or user namespaces. Whatever way it ends, nothing of it
is left behind.`,
		Example: `  releve lab run story
  releve lab run crash --azure instant --confirm 0s --json
  releve lab up                          # in one terminal; it says how to log in to its manager
  releve lab exec vm1 -- ping 203.0.113.10   # in another
  releve lab fault primary crash
  releve lab heal`,
	}
	lab.AddCommand(runCommand(), upCommand(), listCommand(), statusCommand(), faultCommand(), healCommand(), execCommand(), downCommand())
	return lab
}

// labFlags are those of `run` and `up`.
type labFlags struct {
	azure                             string
	keepalive, silent, lease, confirm time.Duration
	hold                              time.Duration
	seed                              uint64
	cloud                             bool
	pops                              int
	managed, bare                     bool
	third                             string
	verbose                           bool
}

// add gives a command the flags; managed is whether its lab has a manager unless
// the user says otherwise.
func (f *labFlags) add(cmd *cobra.Command, managed bool) {
	flags := cmd.Flags()
	flags.StringVar(&f.azure, "azure", "", "how long Azure takes: "+strings.Join(profile.Names(), ", ")+" (default: the scenario's own)")
	flags.DurationVar(&f.keepalive, "keepalive", 0, "time between two keepalives (default 50ms)")
	flags.DurationVar(&f.silent, "silent", 0, "silence after which a peer counts as gone (default 200ms)")
	flags.DurationVar(&f.lease, "lease", 0, "how long the active serves on its peer's word (default: as silent)")
	flags.DurationVar(&f.confirm, "confirm", time.Second, "how long a silence must last on before a claim")
	flags.DurationVar(&f.hold, "hold", 0, "how long all must be well before a failback (default 10s)")
	flags.Uint64Var(&f.seed, "seed", 1, "seed of the emulated Azure's delays, and of what is drawn")
	flags.BoolVar(&f.cloud, "cloud", false, "with a PoP, tunnels to it, and a second site")
	flags.IntVar(&f.pops, "pops", 0, "with a cloud of so many PoPs, 1 or 2; the vSockets change only when the one in use fails")
	flags.BoolVar(&f.managed, "manager", managed, "with a manager, which gives vSockets and PoPs what the site decides")
	flags.StringVar(&f.third, "third", "", "who grants the terms: arm, or with the cloud witness (default with the cloud)")
	flags.BoolVar(&f.verbose, "verbose", false, "tell on standard error what the lab's own parts do")
}

// options turns flags into a lab's options.
func (f *labFlags) options(cmd *cobra.Command, fallback profile.Profile) (world.Options, error) {
	o := world.Options{Profile: fallback, Seed: f.seed, Keepalive: f.keepalive, Silent: f.silent, Lease: f.lease, Hold: f.hold,
		Cloud: f.cloud || f.pops > 0, PoPs: f.pops, Managed: f.managed, Third: config.Third(f.third)}
	if f.azure != "" {
		p, err := profile.Parse(f.azure)
		if err != nil {
			return o, usageError{err}
		}
		o.Profile = p
	}
	if err := f.checkThird(o.Cloud); err != nil {
		return o, usageError{err}
	}
	if cmd.Flags().Changed("confirm") {
		o.Confirm = &f.confirm
	}
	var level slog.Leveler = slog.LevelWarn
	var out io.Writer = io.Discard
	if f.verbose {
		level, out = slog.LevelDebug, os.Stderr
	}
	o.Logger = slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: level}))
	self, err := room.Program()
	if err != nil {
		return o, err
	}
	o.Agent = filepath.Join(filepath.Dir(self), "releve-vsocket")
	o.PoP = filepath.Join(filepath.Dir(self), "releve-pop")
	o.Manager = filepath.Join(filepath.Dir(self), "releve-manager")
	return o, o.Check()
}

// checkThird speaks of the flag, where the vSockets' own check speaks of a file.
func (f *labFlags) checkThird(cloud bool) error {
	switch config.Third(f.third) {
	case "", config.ThirdARM:
	case config.ThirdWitness:
		if !cloud {
			return fmt.Errorf("--third %s: there is no witness without the cloud\nhint: --cloud", f.third)
		}
	default:
		return fmt.Errorf("--third %q is %w\nhint: one of %s, %s", f.third, world.ErrUnknown, config.ThirdARM, config.ThirdWitness)
	}
	return nil
}

// interrupted ends with Ctrl-C and its kin.
func interrupted(parent context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(parent, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
}

func listCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the scenarios and faults",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if asJSON {
				return listJSON(os.Stdout)
			}
			w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "Scenarios (releve lab run NAME):")
			for _, s := range scenario.All {
				fmt.Fprintf(w, "  %s\t%s\n", s.Name, s.Line)
			}
			fmt.Fprintln(w, "\nFaults (releve lab fault NODE KIND):")
			for _, f := range world.Faults {
				fmt.Fprintf(w, "  %s\t%s\t%s\n", strings.Join(f.Nodes, "|"), f.Kind, f.Line)
			}
			fmt.Fprintf(w, "\nNodes: %s\n", strings.Join(world.Nodes, ", "))
			fmt.Fprintf(w, "Profiles of Azure: %s\n", strings.Join(profile.Names(), ", "))
			return w.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as one JSON object")
	return cmd
}

func listJSON(w io.Writer) error {
	type row struct {
		Name  string   `json:"name"`
		Line  string   `json:"line"`
		Nodes []string `json:"nodes,omitempty"`
	}
	var list struct {
		Scenarios []row    `json:"scenarios"`
		Faults    []row    `json:"faults"`
		Nodes     []string `json:"nodes"`
		Profiles  []string `json:"profiles"`
	}
	for _, s := range scenario.All {
		list.Scenarios = append(list.Scenarios, row{Name: s.Name, Line: s.Line})
	}
	for _, f := range world.Faults {
		list.Faults = append(list.Faults, row{f.Kind, f.Line, f.Nodes})
	}
	list.Nodes, list.Profiles = world.Nodes, profile.Names()
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(list)
}

func statusCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show how the lab that is up stands",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var look world.Status
			reply, err := console.Ask(cmd.Context(), console.Request{Op: console.OpStatus})
			if err != nil {
				return err
			}
			if asJSON {
				_, err = fmt.Fprintln(os.Stdout, string(reply.Data))
				return err
			}
			if err := json.Unmarshal(reply.Data, &look); err != nil {
				return fmt.Errorf("read the lab's status: %w", err)
			}
			return story.WriteStatus(os.Stdout, term.Of(os.Stdout), &look)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as one JSON object")
	return cmd
}

func faultCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "fault NODE KIND",
		Short:   "Make something go wrong in the lab that is up",
		Example: "  releve lab fault primary crash\n  releve lab fault azure silent",
		Args:    exactly(2, "NODE and KIND; see: releve lab list"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := world.FindFault(args[0], args[1]); err != nil {
				return usageError{err}
			}
			_, err := console.Ask(cmd.Context(), console.Request{Op: console.OpFault, Node: args[0], Kind: args[1]})
			return err
		},
	}
}

func healCommand() *cobra.Command {
	return &cobra.Command{
		Use: "heal", Short: "End all faults in the lab that is up", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := console.Ask(cmd.Context(), console.Request{Op: console.OpHeal})
			return err
		},
	}
}

func downCommand() *cobra.Command {
	return &cobra.Command{
		Use: "down", Short: "End the lab that is up", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := console.Ask(cmd.Context(), console.Request{Op: console.OpDown})
			return err
		},
	}
}

func execCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "exec NODE -- COMMAND [ARG...]",
		Short:   "Run a command in a host of the lab that is up",
		Example: "  releve lab exec vm1 -- ping -c 3 203.0.113.10\n  releve lab exec primary -- sh",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usageError{fmt.Errorf("exec needs a node and a command\nhint: releve lab exec vm1 -- ping 203.0.113.10")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := world.CheckNode(args[0]); err != nil {
				return usageError{err}
			}
			ctx, stop := interrupted(cmd.Context())
			defer stop()
			exit, err := console.Exec(ctx, args[0], args[1:])
			if err == nil && exit != 0 {
				err = status(exit)
			}
			return err
		},
	}
}

func exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return usageError{fmt.Errorf("%s needs %s", cmd.Name(), what)}
		}
		return nil
	}
}
