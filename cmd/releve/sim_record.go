package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"releve.dev/releve/site"
	"releve.dev/releve/vsocket/agent"
)

// tellRecord replays a vSocket's record, and tells its story. Times are UTC, as
// a record comes from elsewhere.
func tellRecord(w io.Writer, data []byte) error {
	out := bufio.NewWriter(w)
	day := ""
	done, err := agent.Replay(data, func(e site.Entry) {
		wall := e.Wall.UTC()
		if today := wall.Format("2006-01-02 (UTC)"); today != day {
			day = today
			fmt.Fprintln(out, day)
		}
		line := fmt.Sprintf("%s  %-9s  %-22s  %s", wall.Format("15:04:05.000"), e.Who, e.What, e.Detail)
		fmt.Fprintln(out, strings.TrimRight(line, " "))
	})
	if err != nil {
		return err
	}
	if done.Panic != "" {
		fmt.Fprintf(out, "the core panics: %s\n", done.Panic)
	}
	fmt.Fprintln(out, verdict(&done))
	fmt.Fprintf(out, "parts=%d inputs=%d missing=%d unread=%d\n", done.Parts, done.Inputs, done.Missing, done.Unread)
	if err := out.Flush(); err != nil {
		return err
	}
	if done.Different != "" || done.Panic != "" {
		return status(exitFailed)
	}
	return nil
}

// verdict is the one sentence on a replay.
func verdict(done *agent.Replayed) string {
	if done.Different != "" {
		return "the first difference, " + done.Different
	}
	return fmt.Sprintf("the same %d decisions: %d lines of the journal, %d acts", done.Notes+done.Acts, done.Notes, done.Acts)
}
