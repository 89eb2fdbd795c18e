package events

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// JSONLines writes the account's events that fit, newest first, a line each.
func (k *Keeper) JSONLines(ctx context.Context, w io.Writer, account string, f Filter) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	return k.all(ctx, account, f, func(e *Kept) error { return out.Encode(e) })
}

// header names CSV's columns.
var header = []string{"time", "type", "sub_type", "site", "site_id", "socket_role", "serial", "peer_serial", "version", "old_version",
	"interface", "pop", "reason", "message", "since", "timeline", "id", "arrival", "kept_at"}

// CSV writes the same as a table (RFC 4180).
func (k *Keeper) CSV(ctx context.Context, w io.Writer, account string, f Filter) error {
	out := csv.NewWriter(w)
	if err := out.Write(header); err != nil {
		return fmt.Errorf("writing events: %w", err)
	}
	err := k.all(ctx, account, f, func(e *Kept) error { return out.Write(fields(e)) })
	out.Flush()
	if err == nil {
		err = out.Error()
	}
	return err
}

func fields(e *Kept) []string {
	old := ""
	if e.OldVersion != nil {
		old = e.OldVersion.String()
	}
	all := []string{timeText(e.Time), e.Type, e.SubType, e.Site, e.SiteID, e.Role.String(), e.ID.Serial, e.PeerSerial, e.Version.String(), old,
		e.Interface, e.PoP, e.Reason, e.Message, timeText(e.Since), e.Timeline, e.ID.String(), strconv.FormatInt(e.Arrival, 10), timeText(e.KeptAt)}
	for i := range all {
		all[i] = tame(all[i])
	}
	return all
}

// tame keeps a spreadsheet from taking a text that came from elsewhere for a
// formula: an apostrophe before it says that it is text.
func tame(text string) string {
	if text != "" && strings.Contains("=+-@\t\r", text[:1]) {
		return "'" + text
	}
	return text
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// all goes through every page.
func (k *Keeper) all(ctx context.Context, account string, f Filter, each func(*Kept) error) error {
	for after := ""; ; {
		page, err := k.Page(ctx, account, f, after, MostLimit)
		if err != nil {
			return err
		}
		for i := range page.Events {
			if err := each(&page.Events[i]); err != nil {
				return fmt.Errorf("writing events: %w", err)
			}
		}
		if after = page.Next; after == "" {
			return nil
		}
	}
}
