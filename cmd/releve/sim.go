package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"releve.dev/releve/sim"
	"releve.dev/releve/wire/record"
)

// simCommand runs whole sites in the simulator.
func simCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "sim",
		Short: "Look for schedules of faults that break high availability",
	}
	command.AddCommand(simRunCommand(), simReplayCommand())
	for _, extra := range simExtras {
		command.AddCommand(extra())
	}
	return command
}

// simExtras are the commands of builds with tags.
var simExtras []func() *cobra.Command

// simRun is what the user asked of `releve sim run`.
type simRun struct {
	seeds, start uint64
	jobs         int
	keep         string
	resume       string        // file that a long run goes on from
	budget       time.Duration // of CPU for a seed; 0: any
	byKind       bool          // print the outages by the kind of fault
}

func simRunCommand() *cobra.Command {
	var r simRun
	command := &cobra.Command{
		Use:   "run",
		Short: "Simulate many seeds, shrink what fails",
		Long: `Simulate a site for each seed: faults drawn from the seed, then healing, with the
properties checked at each event. What fails is shrunk and shown with the command
that replays it. With a budget, seeds that cost more CPU than that on the average
fail the run. The last line sums up.

A run of hours keeps in the file of --resume how far it has come; the same command,
of the same program, goes on from there.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return r.run(ctx, cmd.OutOrStdout())
		},
	}
	flags := command.Flags()
	flags.Uint64Var(&r.seeds, "seeds", 1000, "how many")
	flags.Uint64Var(&r.start, "start", 1, "the first one")
	flags.IntVar(&r.jobs, "jobs", runtime.GOMAXPROCS(0), "how many at once")
	flags.StringVar(&r.keep, "keep", "", "directory for the shrunk schedules")
	flags.StringVar(&r.resume, "resume", "", "file that keeps how far a long run has come, and that it goes on from")
	flags.BoolVar(&r.byKind, "by-kind", false, "print for how long nothing was forwarded, by the kind of a single fault")
	flags.DurationVar(&r.budget, "budget", 0, "CPU time that a seed may cost on the average (0: any)")
	return command
}

// garbage is GOGC: a batch program has better use for CPU than for memory, and
// at this it takes some 80 MB.
const garbage = 800

// maxShrunk bounds the time that a thoroughly broken build takes.
const maxShrunk = 5

// run goes through the seeds; with a file, in parts that are each kept when whole.
func (r *simRun) run(ctx context.Context, out io.Writer) error {
	debug.SetGCPercent(garbage)
	all, err := r.begin()
	if err != nil {
		return err
	}
	for all.Done < r.seeds {
		if err := r.part(ctx, all); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return r.interrupted(out, all, ctx.Err())
		}
		if err := r.save(all); err != nil {
			return err
		}
	}
	return r.report(out, all)
}

// part runs the next seeds, and adds them to what there is if all of them were run.
func (r *simRun) part(ctx context.Context, all *tally) error {
	began := time.Now()
	before, err := cpuTime()
	if err != nil {
		return err
	}
	p := &part{next: all.Done, end: r.seeds, tally: tally{Outages: outages{}}}
	if r.resume != "" {
		p.end = min(r.seeds, all.Done+partSeeds)
	}
	stop := p.watch(r, all, os.Stderr)
	var workers sync.WaitGroup
	for range max(1, r.jobs) {
		workers.Go(func() {
			for ctx.Err() == nil {
				n, ok := p.take()
				if !ok {
					return
				}
				schedule := sim.Draw(r.start + n)
				p.add(schedule, sim.Run(schedule, nil))
			}
		})
	}
	workers.Wait()
	stop()
	after, err := cpuTime()
	if err != nil {
		return err
	}
	p.CPU, p.Took = after-before, time.Since(began)
	if r.resume == "" || ctx.Err() == nil {
		all.join(&p.tally)
	}
	return nil
}

// report says what came of all seeds.
func (r *simRun) report(out io.Writer, all *tally) error {
	for i, seed := range all.Failed {
		if i == maxShrunk {
			fmt.Fprintf(out, "and %d more: %v\n", len(all.Failed)-i, all.Failed[i:])
			break
		}
		if err := r.show(out, seed); err != nil {
			return err
		}
	}
	if r.byKind {
		if err := all.Outages.writeTo(out); err != nil {
			return err
		}
	}
	overdrawn := r.bill(out, all)
	fmt.Fprintf(out, "seeds=%d failures=%d worst_outage_ms=%d sim_years=%.3f seconds=%.1f\n",
		all.Done, len(all.Failed), all.Worst.Milliseconds(), all.Simulated.Hours()/24/365, all.Took.Seconds())
	if len(all.Failed) > 0 || overdrawn {
		return status(exitFailed)
	}
	return nil
}

// bill says what the seeds have cost, and whether that is above the budget.
func (r *simRun) bill(out io.Writer, all *tally) (overdrawn bool) {
	mean := all.CPU / time.Duration(max(1, all.Done))
	if overdrawn = r.budget > 0 && mean > r.budget; overdrawn {
		fmt.Fprintf(out, "too slow: a seed may cost %v of CPU, and costs %v\n", r.budget, mean.Round(10*time.Microsecond))
	}
	fmt.Fprintf(out, "cpu=%.1fs, %.2f ms a seed\n", all.CPU.Seconds(), mean.Seconds()*1e3)
	return overdrawn
}

// show shrinks a failing seed and keeps its schedule.
func (r *simRun) show(out io.Writer, seed uint64) error {
	schedule, violation := sim.Shrink(sim.Draw(seed))
	file, err := r.create(seed)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(file, "# %v\n%s", violation, schedule)
	if closing := file.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return fmt.Errorf("keeping a schedule: %w", err)
	}
	fmt.Fprintf(out, "seed %d: %v\n%sreplay it: releve sim replay %s\n\n", seed, violation, schedule, file.Name())
	return nil
}

func (r *simRun) create(seed uint64) (*os.File, error) {
	name := fmt.Sprintf("seed-%d.txt", seed)
	if r.keep == "" {
		return os.CreateTemp("", "releve-sim-*-"+name)
	}
	if err := os.MkdirAll(r.keep, 0o755); err != nil {
		return nil, err
	}
	return os.Create(filepath.Join(r.keep, name))
}

func simReplayCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "replay FILE|SEED",
		Short: "Tell the story of a schedule, of a seed's, or of a vSocket's record",
		Long: `Tell a story so that a person understands it. FILE is a schedule of faults, or a
record from the field: what "releve-vsocket journal --export FILE" has written. A
record is replayed by the same core that runs in a vSocket; the last line says
whether it decided the same again, or what is the first difference.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if seed, err := strconv.ParseUint(args[0], 10, 64); err == nil {
				return tellStory(cmd.OutOrStdout(), sim.Draw(seed))
			}
			text, err := os.ReadFile(args[0])
			if errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("replaying %s: neither a file nor the number of a seed\nhint: sim/testdata has the schedules that once failed", args[0])
			}
			if err != nil {
				return fmt.Errorf("replaying: %w", err)
			}
			if record.Is(text) {
				return tellRecord(cmd.OutOrStdout(), text)
			}
			schedule, err := sim.Parse(string(text))
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			return tellStory(cmd.OutOrStdout(), schedule)
		},
	}
}

func tellStory(w io.Writer, schedule *sim.Schedule) error {
	out := bufio.NewWriter(w)
	fmt.Fprintln(out, schedule)
	result := sim.Run(schedule, func(line sim.Line) { fmt.Fprintln(out, line) })
	verdict := "every property held"
	if result.Violation != nil {
		verdict = "violated: " + result.Violation.String()
	}
	fmt.Fprintf(out, "%s\nterms=%d moves=%d outage=%v calls=%d hash=%016x\n", verdict, result.Stats.Grants, result.Stats.Moves,
		result.Stats.Outage.Round(time.Millisecond), result.Stats.Calls, result.Hash)
	if err := out.Flush(); err != nil {
		return err
	}
	if result.Violation != nil {
		return status(exitFailed)
	}
	return nil
}
