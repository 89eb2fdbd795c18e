package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"releve.dev/releve/setup/account"
	"releve.dev/releve/setup/apply"
	"releve.dev/releve/setup/ask"
	"releve.dev/releve/setup/document"
	"releve.dev/releve/setup/plan"
	"releve.dev/releve/terminal"
)

// azureRun is what the commands that change something in Azure share: how a plan
// is shown, asked about and carried out.
type azureRun struct {
	plan, yes, json bool

	before func(context.Context) error // once it is decided that something is changed; nil: nothing
}

func (r *azureRun) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&r.plan, "plan", false, "show what would change, and change nothing")
	cmd.Flags().BoolVar(&r.yes, "yes", false, "don't ask before it is changed")
	cmd.Flags().BoolVar(&r.json, "json", false, "print JSON, for programs: an object a line")
}

// run shows the steps' plan, and carries them out if the person wants it.
func (r *azureRun) run(ctx context.Context, cmd *cobra.Command, c *account.Client, steps []plan.Step, known *plan.Known,
	ready func(context.Context, string) error) error {
	foreseen := *known
	changes, err := apply.Plan(ctx, c, steps, &foreseen)
	if err != nil {
		return err
	}
	if r.plan || len(changes) == 0 {
		return r.show(cmd.OutOrStdout(), changes)
	}
	if err := r.ask(ctx, cmd, changes); err != nil {
		return err
	}
	if r.before != nil {
		if err := r.before(ctx); err != nil {
			return err
		}
	}
	progress := newStepProgress(cmd.OutOrStdout(), r.json)
	applier := apply.Applier{ARM: c, Progress: progress, Ready: ready}
	err = applier.Run(ctx, steps, known)
	progress.end()
	if errors.Is(err, context.Canceled) {
		return errors.New("stopped; what Azure had accepted goes on there\nhint: the same command goes on from here")
	}
	if err != nil {
		return goOn(err)
	}
	return nil
}

// goOn adds what to do after a step that failed.
func goOn(err error) error {
	if strings.Contains(err.Error(), "\nhint: ") {
		return fmt.Errorf("%w; then the same command goes on from here", err)
	}
	return fmt.Errorf("%w\nhint: the same command goes on from here", err)
}

// ask shows the changes in short and asks, where somebody sits at the terminal.
// Where nobody does, the command line is the consent.
func (r *azureRun) ask(ctx context.Context, cmd *cobra.Command, changes []apply.Change) error {
	if r.yes || !terminal.Person(cmd.InOrStdin()) {
		return nil
	}
	out := cmd.ErrOrStderr()
	fmt.Fprintln(out, "To do:")
	for _, change := range changes {
		fmt.Fprintf(out, "  %-9s %-24s %s\n", doing(change.Outcome), change.Step.Name, change.Step.Why)
	}
	fmt.Fprint(out, "Type yes to go on (--plan shows each in full): ")
	answer, err := ask.Line(ctx, bufio.NewReader(cmd.InOrStdin()))
	if errors.Is(err, context.Canceled) {
		return err
	}
	if err != nil || answer != "yes" {
		return errors.New("nothing has changed\nhint: --yes goes on without asking")
	}
	return nil
}

// doing is what will be done, of what will have been.
func doing(outcome apply.Outcome) string {
	switch outcome {
	case apply.Created:
		return "create"
	case apply.Changed:
		return "change"
	case apply.Deleted:
		return "delete"
	}
	return "do"
}

// planned is a change as --plan --json prints it.
type planned struct {
	Step  string       `json:"step"`
	Do    string       `json:"do"`
	ID    string       `json:"id"`
	Why   string       `json:"why"`
	Later bool         `json:"known_after,omitempty"`
	Diff  []difference `json:"diff,omitempty"`
}

type difference struct {
	Path   string `json:"path"`
	Before any    `json:"before,omitempty"`
	After  any    `json:"after,omitempty"`
}

// show prints a plan as a diff.
func (r *azureRun) show(out io.Writer, changes []apply.Change) error {
	if r.json {
		list := []planned{}
		for _, change := range changes {
			one := planned{Step: change.Step.Name, Do: doing(change.Outcome), ID: change.Step.ID, Why: change.Step.Why, Later: change.Later}
			for _, d := range change.Diff {
				one.Diff = append(one.Diff, difference(d))
			}
			list = append(list, one)
		}
		return terminal.PrintJSON(out, list)
	}
	if len(changes) == 0 {
		_, err := fmt.Fprintln(out, "no changes: all is as it shall be")
		return err
	}
	p := terminal.PaletteFor(out)
	for _, change := range changes {
		fmt.Fprintf(out, "%s %s: %s\n  %s\n", p.Bold(doing(change.Outcome)), change.Step.Name, change.Step.Why, p.Dim(change.Step.ID))
		if change.Later {
			fmt.Fprintln(out, "  known after an earlier step")
		}
		for _, d := range change.Diff {
			if d.Before != nil {
				fmt.Fprintf(out, "  %s\n", p.Bad("- "+d.Path+": "+inline(d.Before)))
			}
			if d.After != nil {
				fmt.Fprintf(out, "  %s\n", p.Good("+ "+d.Path+": "+inline(d.After)))
			}
		}
	}
	_, err := fmt.Fprintf(out, "%d to do; nothing has changed\n", len(changes))
	return err
}

// inline is a JSON value on one line.
func inline(value any) string {
	text := document.Document{"": value}.JSON()
	return string(text[len(`{"":`) : len(text)-1])
}
