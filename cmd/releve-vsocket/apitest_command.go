package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"releve.dev/releve/azure/arm"
	"releve.dev/releve/azure/imds"
	"releve.dev/releve/terminal"
	"releve.dev/releve/vsocket/apitest"
	"releve.dev/releve/vsocket/config"
	"releve.dev/releve/vsocket/control"
)

func (o *options) apiTestCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "api-test", Short: "Prove that this vSocket could move the floating IP",
		Long: `Try at Azure, step by step, what a takeover needs: metadata service, token, both
NICs, the identity's permissions, and a write of this vSocket's own NIC with its
unchanged body. Nothing else is written, and nothing during a takeover. The
running agent does it; if none runs, this command does.`,
		Example: "  releve-vsocket api-test\n  releve-vsocket api-test --json | jq -r 'select(.result==\"failed\").detail'",
		Args:    terminal.Arguments(0, 0, "no arguments"),
		RunE: terminal.Interruptible(func(cmd *cobra.Command, _ []string) error {
			printer := &stepPrinter{out: cmd.OutOrStdout(), Palette: terminal.PaletteFor(cmd.OutOrStdout()), json: asJSON}
			if err := o.apiTestSteps(cmd.Context(), printer.print); err != nil {
				return err
			}
			return printer.end()
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line")
	return cmd
}

// apiTestSteps has the running agent do the test, or does it here if none runs.
func (o *options) apiTestSteps(ctx context.Context, emit func(apitest.Step) error) error {
	agent, err := o.dial()
	if err != nil {
		return err
	}
	err = agent.APITest(ctx, func(line json.RawMessage) error {
		var step apitest.Step
		if err := json.Unmarshal(line, &step); err != nil {
			return fmt.Errorf("reading a step of the API test: %w", err)
		}
		return emit(step)
	})
	if errors.Is(err, control.ErrNotRunning) {
		return o.apiTestHere(ctx, emit)
	}
	return err
}

// apiTestHere runs the test in this process: before the agent is started for
// the first time, say. No takeover can be under way on this vSocket then.
func (o *options) apiTestHere(ctx context.Context, emit func(apitest.Step) error) error {
	cfg, err := config.Load(o.config)
	if err != nil {
		return err
	}
	if cfg.HA == nil || cfg.Azure == nil {
		return errors.New("there is no API test without HA settings\nhint: add the sections ha and azure; releve-vsocket config sample shows them")
	}
	p := &pair{unit: &unit{cfg: cfg}}
	if p.imds, err = imds.New(imds.Config{Base: cfg.Azure.IMDS, ClientID: cfg.Azure.ClientID, Audience: audience(cfg)}); err != nil {
		return err
	}
	p.tokens = imds.NewTokens(p.imds)
	if p.arm, err = arm.New(p.armConfig()); err != nil {
		return err
	}
	defer p.arm.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go p.tokens.Run(ctx)
	_, err = apitest.Run(ctx, p.apiTestConfig(nil), emit)
	return err
}

// stepPrinter prints each step as it is done.
type stepPrinter struct {
	terminal.Palette
	out     io.Writer
	json    bool
	steps   int
	trouble int
}

func (p *stepPrinter) print(step apitest.Step) error {
	p.steps++
	if step.Result == apitest.Failed || step.Result == apitest.Skipped {
		p.trouble++
	}
	if p.json {
		return json.NewEncoder(p.out).Encode(step)
	}
	paint := map[apitest.Result]func(string) string{
		apitest.OK: p.Good, apitest.Failed: p.Bad, apitest.Skipped: p.Wait, apitest.Unknown: p.Wait,
	}[step.Result]
	if paint == nil {
		paint = p.Dim
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %-23s %s %s\n", paint(fmt.Sprintf("%-7s", step.Result)), step.Name, step.Detail, p.Dim(fmt.Sprintf("(%.0f ms)", step.MS)))
	if step.Problem != "" {
		fmt.Fprintf(&b, "         %s\n", p.Bold(step.Problem))
	}
	for _, hint := range step.Hints {
		fmt.Fprintf(&b, "         - %s\n", hint)
	}
	_, err := io.WriteString(p.out, b.String())
	return err
}

func (p *stepPrinter) end() error {
	passed := p.steps > 0 && p.trouble == 0
	if !p.json {
		verdict := p.Good("API test passed") + ": this vSocket could move the floating IP"
		if !passed {
			verdict = p.Bad("API test not passed") + ": see above"
		}
		fmt.Fprintln(p.out, verdict)
	}
	if !passed {
		return terminal.ErrSilent
	}
	return nil
}
