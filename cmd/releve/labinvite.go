package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"releve.dev/releve/lab/world"
)

// invite opens the doors, and tells where they lead. The lines are above the picture,
// which would break them.
func invite(ctx context.Context, w *world.World, doors passedDoors) error {
	var told strings.Builder
	if w.Owner() != nil {
		if err := inviteOwner(ctx, &told, w, doors); err != nil {
			return err
		}
	}
	fmt.Fprintln(&told, "Each vSocket has pages of its own:")
	for _, node := range []string{doorPrimary, doorSecondary} {
		listener, err := doors.listener(node)
		if err != nil {
			return err
		}
		w.RelayPages(node, listener)
		fmt.Fprintf(&told, "  %-9s  https://%s  password %s\n", node, listener.Addr(), w.PagesPassword(node))
	}
	fmt.Fprintln(&told, "A browser warns of their certificates: they are of the lab's own making.")
	_, err := fmt.Fprintln(os.Stdout, told.String())
	return err
}

// inviteOwner opens the way to the manager, for another owner than the lab.
func inviteOwner(ctx context.Context, told io.Writer, w *world.World, doors passedDoors) error {
	listener, err := doors.listener(doorManager)
	if err != nil {
		return err
	}
	code, err := w.Owner().Invite(ctx, "owner")
	if err != nil {
		return errors.Join(fmt.Errorf("add an owner at the manager: %w", err), listener.Close())
	}
	w.RelayManager(listener)
	tellOwner(told, listener.Addr(), w.Owner().Fingerprint, code)
	return nil
}

func tellOwner(told io.Writer, at net.Addr, fingerprint, code string) {
	fmt.Fprintf(told, "There is a manager. Become its owner, with a password of 12 characters or more, in a browser:\n  https://%s/welcome#%s\n"+
		"or in another terminal:\n  releve login https://%s --fingerprint %s --code %s\n", at, code, at, fingerprint, code)
}
