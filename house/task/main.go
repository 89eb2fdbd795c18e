// Command task does what the Makefile names: it builds with progress shown,
// runs the tests step by step with each step's seconds, counts them, names
// what failed, and leaves nothing behind however it ends. It uses the standard
// library alone, so that it is built in seconds before anything else.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// errFailed ends the program after the closing lines have said what failed.
var errFailed = errors.New("failed")

const usage = `usage: task COMMAND

  build      build the programs into bin/
  test       what guards main (about 20 minutes cold, a few warm)
  test-all   everything the issues name (about an hour)
  lint       go vet, staticcheck, the repo's rules, golangci-lint
  fuzz       fuzz each decoder in turn (-for DURATION, -only NAME)
  unit       unit tests alone (with -race)
  scenarios  the lab's scenarios that guard main (-all: every one)
  model      search the models in spec/ alone
  assets     get what the pages are made with from its packages (needs npm and a network)
  screenshots  pictures of all pages, into bin/screenshots
`

func main() {
	if len(os.Args) > 1 && os.Args[1] == "janitor" {
		janitor(os.Stdin)
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	err := run(ctx, os.Args[1:])
	interrupted := ctx.Err() != nil
	stop()
	switch {
	case interrupted:
		fmt.Fprintln(os.Stderr, "interrupted")
		os.Exit(130)
	case errors.Is(err, errFailed):
		os.Exit(1)
	case err != nil:
		fmt.Fprintln(os.Stderr, "task:", err)
		os.Exit(2)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("no command\n%s", usage)
	}
	plans := map[string]func(context.Context, *shop, []string) error{
		"build":       buildOnly,
		"test":        testMain,
		"test-all":    testAll,
		"lint":        lint,
		"fuzz":        fuzzOnly,
		"unit":        unitOnly,
		"scenarios":   scenariosOnly,
		"model":       modelOnly,
		"assets":      vendorAssets,
		"screenshots": screenshots,
	}
	plan, known := plans[args[0]]
	if !known {
		return fmt.Errorf("unknown command %q\n%s", args[0], usage)
	}
	s, err := openShop()
	if err != nil {
		return err
	}
	err = plan(ctx, s, args[1:])
	return errors.Join(err, s.close())
}

func buildOnly(ctx context.Context, s *shop, _ []string) error {
	return s.do(ctx, programs)
}

func testMain(ctx context.Context, s *shop, _ []string) error {
	return s.do(ctx,
		debian(raceNeeds, storeNeeds, modelNeeds, pageNeeds, guestNeeds), modules, rules, vet, staticcheck, programs, modelsHold,
		unitRace, unitPlain, labPages, simulate(10_000, always), fuzzFor(guardFuzz), scenarios(guardPlan),
	)
}

func testAll(ctx context.Context, s *shop, _ []string) error {
	return s.do(ctx,
		debian(raceNeeds, storeNeeds, modelNeeds, pageNeeds, guestNeeds), modules, rules, vet, staticcheck, golangci, programs, modelsHold,
		unitRace, unitPlain, labPages, proofs, simulate(20_000, today), mistakes, fuzzFor(allFuzz), scenarios(fullPlan),
	)
}

func lint(ctx context.Context, s *shop, _ []string) error {
	return s.do(ctx, modules, rules, vet, staticcheck, golangci)
}

func unitOnly(ctx context.Context, s *shop, _ []string) error {
	return s.do(ctx, debian(raceNeeds, storeNeeds, pageNeeds, guestNeeds), modules, unitRace, unitPlain)
}

func scenariosOnly(ctx context.Context, s *shop, args []string) error {
	flags := flag.NewFlagSet("scenarios", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	all := flags.Bool("all", false, "every scenario and profile, as in test-all")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("scenarios: %w", err)
	}
	if *all {
		return s.do(ctx, programs, scenarios(fullPlan))
	}
	return s.do(ctx, programs, scenarios(guardPlan))
}

func modelOnly(ctx context.Context, s *shop, _ []string) error {
	return s.do(ctx, debian(modelNeeds), modelsHold)
}

func fuzzOnly(ctx context.Context, s *shop, args []string) error {
	flags := flag.NewFlagSet("fuzz", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	each := flags.Duration("for", allFuzz, "how long each target is fuzzed")
	only := flags.String("only", "", "a part of the target's name")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("fuzz: %w", err)
	}
	return s.do(ctx, modules, fuzzMatching(*each, *only))
}
