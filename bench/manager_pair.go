package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"releve.dev/releve/manager/store/storetest"
)

// pairFigures are those of two managers on one PostgreSQL. All primaries are
// connected to the first, all secondaries to the second.
type pairFigures struct {
	copied   time.Duration // SQLite's database into PostgreSQL's
	managers [2]*served
	busy     []trips
	change   changed
	back     comeback // of the second one's
	backCost float64
}

func (f *managerFigures) together(ctx context.Context, dir, token string, e *estate) (err error) {
	stage("PostgreSQL")
	pg, err := storetest.Start() // as Debian's is: what it has committed is on the disk
	if pg != nil {
		defer func() { err = errors.Join(err, pg.Stop()) }()
	}
	if err != nil {
		return err
	}
	url, err := pg.Database(ctx, "releve")
	if err != nil {
		return err
	}
	if err := f.pair.move(dir, url); err != nil {
		return err
	}
	var programs [2]*program
	for i, which := range []string{"primary", "secondary"} {
		own := filepath.Join(dir, which)
		if err := twin(dir, own); err != nil {
			return err
		}
		p, err := newProgram(own, url)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, p.kill()) }()
		s, err := serve(p.cmd.Process.Pid, p.log, dir, p.address, which, f.size.sites())
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.ends.end()) }()
		programs[i], f.pair.managers[i] = p, s
	}
	return f.pair.measure(ctx, dir, token, e, f.size, programs)
}

// move copies the database with the product's own command.
func (r *pairFigures) move(dir, url string) error {
	began := time.Now()
	cmd, err := managerCommand("db", "copy", "--data", dir, "--to", url)
	if err != nil {
		return err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("releve-manager db copy: %w\n%s", err, out)
	}
	r.copied = time.Since(began)
	return nil
}

// twin makes a data directory for another manager of the same authority.
func twin(dir, own string) error {
	name := filepath.Join("authority", "authority.pem")
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err == nil {
		err = os.MkdirAll(filepath.Join(own, "authority"), 0o700)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(own, name), text, 0o600)
	}
	return err
}

func (r *pairFigures) measure(ctx context.Context, dir, token string, e *estate, size managerSize, programs [2]*program) error {
	first, second := r.managers[0], r.managers[1]
	c, err := programs[0].client(dir, token)
	if err != nil {
		return err
	}
	stage("connect")
	for _, s := range r.managers {
		if err := s.connect(size.spread() / 2); err != nil {
			return err
		}
	}
	stage("turn")
	if err := turn(often, size.turn, first, second); err != nil {
		return err
	}
	if err := errors.Join(first.look(), second.look()); err != nil {
		return err
	}
	if err := steadily(r.managers[:]...); err != nil {
		return err
	}
	stage("pages")
	if r.busy, err = pages(ctx, c, e, size.times); err != nil {
		return err
	}
	stage("changes")
	if r.change, err = change(ctx, c, []*actor{first.ends, second.ends}, e, size.changes); err != nil {
		return err
	}
	stage("restart")
	r.back, r.backCost, err = second.restart(programs[1])
	return err
}
