package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/lab/console"
	"releve.dev/releve/lab/room"
	"releve.dev/releve/lab/scenario"
	"releve.dev/releve/lab/story"
	"releve.dev/releve/lab/term"
	"releve.dev/releve/lab/world"
)

func runCommand() *cobra.Command {
	var flags labFlags
	var asJSON bool
	var keep string
	var choice scenario.Choice
	cmd := &cobra.Command{
		Use:   "run SCENARIO",
		Short: "Play a scenario in a lab of its own, and judge it",
		Long: `Play a scenario in a lab of its own, and judge it. The exit status is 0 if every
promise held, 1 if one was broken, 3 if the machine was too busy for a verdict.`,
		Example: `  releve lab run story
  releve lab run crash --azure instant --json
  releve lab run crash --keepalive 10ms --silent 50ms --confirm 0s
  releve lab run crash-points --points 3 --seed 20260729
  releve lab run crash-points --point failback/taker/save`,
		Args: exactly(1, "one SCENARIO; see: releve lab list"),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := scenario.Find(args[0])
			if err != nil {
				return usageError{err}
			}
			if err := choice.Check(s); err != nil {
				return usageError{err}
			}
			flags.cloud, flags.pops, flags.managed = flags.cloud || s.Cloud, max(flags.pops, s.PoPs), flags.managed || s.Managed
			opt, err := flags.options(cmd, s.Profile)
			if err != nil {
				return err
			}
			opt.Keep = keep
			chosen := *s
			chosen.Choice = choice
			chosen.Choice.Seed = flags.seed
			if !room.Inside() {
				return enter(nil)
			}
			return play(cmd.Context(), &chosen, opt, asJSON)
		},
	}
	flags.add(cmd, false)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object, and nothing else, on standard output")
	cmd.Flags().StringVar(&keep, "keep", "", "folder into which the agents' logs, journals and records are copied in the end")
	cmd.Flags().IntVar(&choice.Points, "points", 0, "of crash-points: so many, drawn by --seed (default: all)")
	cmd.Flags().StringVar(&choice.Point, "point", "", "of crash-points: this one alone")
	return cmd
}

// enter runs this command line inside a room and ends as it did.
func enter(prepare func() ([]*os.File, error)) error {
	exit, err := room.Enter(prepare)
	if err == nil && exit != 0 {
		err = status(exit)
	}
	return err
}

// exitInterrupted is the shell's for Ctrl-C.
const exitInterrupted = 130

func play(parent context.Context, s *scenario.Scenario, opt world.Options, asJSON bool) error {
	ctx, stop := interrupted(parent)
	defer stop()
	style := term.Of(os.Stdout)
	var watch scenario.Watcher = story.Silence{}
	switch {
	case asJSON:
	case s.Pointwise():
		s.Choice.Told = story.Points(os.Stdout, style)
	default:
		show := story.New(os.Stdout, style, s.Name, s.Options(opt))
		defer show.Close()
		watch = show
	}
	r, err := scenario.Run(ctx, s, opt, watch)
	switch {
	case ctx.Err() != nil:
		return status(exitInterrupted)
	case err != nil:
		return err
	}
	if asJSON {
		err = r.WriteJSON(os.Stdout)
	} else {
		r.WriteText(os.Stdout, style)
	}
	if err == nil && r.Exit() != 0 {
		err = status(r.Exit())
	}
	return err
}

func upCommand() *cobra.Command {
	var flags labFlags
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Bring a lab up and keep it until Ctrl-C or `releve lab down`",
		Long: `Bring a lab up and keep it until Ctrl-C or "releve lab down". It has a manager,
at which PoPs and vSockets are enrolled, and prints the links by which you sign in
to it and to each vSocket's own pages, in a browser of this machine.`,
		Example: `  releve lab up
  releve lab up --cloud --manager=false
  releve lab up --bare`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if flags.bare {
				flags.cloud, flags.managed = true, true
			}
			opt, err := flags.options(cmd, profile.Fast)
			if err != nil {
				return err
			}
			opt.Bare, opt.Pages = flags.bare, !flags.bare
			if !room.Inside() {
				return enter(func() ([]*os.File, error) { return openDoors(opt) })
			}
			return stay(cmd.Context(), opt)
		},
	}
	flags.add(cmd, true)
	cmd.Flags().BoolVar(&flags.bare, "bare", false, "without a site: two resource groups, a network and an image, to set one up in")
	return cmd
}

// stay keeps a lab up until it is told to end.
func stay(parent context.Context, opt world.Options) error {
	d, err := passedDoors(opt)
	if err != nil {
		return err
	}
	for _, listener := range d.passages() {
		opt.Passages = append(opt.Passages, portOf(listener))
	}
	ctx, stop := interrupted(parent)
	defer stop()
	show := story.New(os.Stdout, term.Of(os.Stdout), "up", opt)
	defer show.Close()
	show.Rising()
	w, err := scenario.Up(ctx, opt)
	if err != nil {
		if ctx.Err() != nil {
			return status(exitInterrupted)
		}
		return err
	}
	defer w.Down()
	server, err := console.Serve(d.control, w, stop, opt.Logger)
	if err != nil {
		return err
	}
	defer server.Close()
	greet := invite
	if opt.Bare {
		greet = inviteBare
	}
	if err := greet(ctx, w, d); err != nil {
		return err
	}
	show.Up(w)
	show.Hint("In another terminal: releve lab status | fault | heal | exec | down. Ctrl-C ends it.")
	<-ctx.Done()
	show.Close()
	fmt.Println("The lab is down.")
	return nil
}
