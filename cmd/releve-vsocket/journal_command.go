package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"releve.dev/releve/terminal"
	"releve.dev/releve/vsocket/config"
	"releve.dev/releve/vsocket/control"
	"releve.dev/releve/vsocket/journal"
	"releve.dev/releve/vsocket/recorder"
)

func (o *options) journalCommand() *cobra.Command {
	var since, export string
	var follow, asJSON bool
	cmd := &cobra.Command{
		Use: "journal", Short: "Print the timeline of what was seen, decided and called",
		Long: `Print the vSocket's timeline: what it saw, decided and called, to the
millisecond. It comes from the running agent, or from its files if no agent runs.

With --export, write the record instead: all that the agent was told in the last
hours, at the least, from which "releve sim replay FILE" tells the same story by
running the same core again. It has no key and no token; it has the site's
addresses and its network interfaces as Azure shows them.`,
		Example: "  releve-vsocket journal --since 10m\n  releve-vsocket journal --follow\n  releve-vsocket journal --since 2026-11-23T12:00:00Z --json\n  releve-vsocket journal --export vsocket.record",
		Args:    terminal.Arguments(0, 0, "no arguments"),
		RunE: terminal.Interruptible(func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("export") {
				if since != "" || follow || asJSON {
					return terminal.Usage(errors.New("--export goes alone: a record is whole, and no text"))
				}
				return o.export(export)
			}
			from, err := terminal.Since(since, time.Now())
			if err != nil {
				return err
			}
			printer := terminal.NewTimeline(cmd.OutOrStdout(), asJSON)
			agent, err := o.dial()
			if err != nil {
				return err
			}
			err = agent.Journal(cmd.Context(), from, follow, printer.Entry)
			if !follow && errors.Is(err, control.ErrNotRunning) {
				return o.readFiles(from, printer)
			}
			return err
		}),
	}
	cmd.Flags().StringVar(&since, "since", "", "only entries from then on: a time like 2026-11-23T12:00:00Z, or how long ago, like 10m")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with entries as they come")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line")
	cmd.Flags().StringVar(&export, "export", "", "write the record, which can be replayed, into this file")
	return cmd
}

// export writes the record as one file. The agent may run meanwhile.
func (o *options) export(path string) error {
	cfg, err := config.Load(o.config)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = errors.Join(recorder.Export((&unit{cfg: cfg}).recordDir(), file), file.Close())
	if errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("there is no record\nhint: only a vSocket with HA settings, once it has run, has one"), os.Remove(path))
	}
	return err
}

// readFiles prints what an agent that no longer runs has left.
func (o *options) readFiles(from time.Time, printer *terminal.Timeline) error {
	cfg, err := config.Load(o.config)
	if err != nil {
		return err
	}
	entries, err := journal.Read((&unit{cfg: cfg}).journalDir(), from)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := printer.Entry(entry); err != nil {
			return err
		}
	}
	return nil
}
