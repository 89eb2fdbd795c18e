package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"releve.dev/releve/lab/world"
)

// invite opens the doors, and tells where they lead. The lines are above the picture,
// which would break them.
func invite(ctx context.Context, w *world.World, d *doors) error {
	var told strings.Builder
	if w.Owner() != nil {
		if err := inviteOwner(ctx, &told, w, d); err != nil {
			return err
		}
	}
	fmt.Fprintln(&told, "Each vSocket has pages of its own:")
	for _, node := range []string{doorPrimary, doorSecondary} {
		w.RelayPages(node, d.ways[node])
		fmt.Fprintf(&told, "  %-9s  https://%s  password %s\n", node, d.ways[node].Addr(), w.PagesPassword(node))
	}
	fmt.Fprintln(&told, "A browser warns of their certificates: they are of the lab's own making.")
	_, err := fmt.Fprintln(os.Stdout, told.String())
	return err
}

// inviteOwner opens the way to the manager, for another owner than the lab.
func inviteOwner(ctx context.Context, told io.Writer, w *world.World, d *doors) error {
	code, err := w.Owner().Invite(ctx, "owner")
	if err != nil {
		return fmt.Errorf("add an owner at the manager: %w", err)
	}
	w.RelayManager(d.ways[doorManager])
	for _, listener := range d.passages() {
		w.RelayPassage(listener, portOf(listener))
	}
	tellOwner(told, d.ways[doorManager].Addr(), w.Owner().Fingerprint, code)
	return nil
}

func tellOwner(told io.Writer, at net.Addr, fingerprint, code string) {
	fmt.Fprintf(told, "There is a manager. Become its owner, with a password of 12 characters or more, in a browser:\n  https://%s/welcome#%s\n"+
		"or in another terminal:\n  releve login https://%s --fingerprint %s --code %s\n", at, code, at, fingerprint, code)
}
