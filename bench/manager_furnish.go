package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/authority"
	"releve.dev/releve/manager/events"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/store"
	"releve.dev/releve/site"
)

// estate is what a manager is furnished with before it starts, and what its
// vSockets' process reads.
type estate struct {
	Code  string // the first owner's
	Sites []pairOf
}

// pairOf is a site.
type pairOf struct {
	ID       string
	VSockets [2]identity // the primary, the secondary
}

// identity is an enrolled vSocket's: its key, certificate and authority.
type identity struct {
	Serial site.Serial
	PEM    []byte
}

func estateFile(dir string) string { return filepath.Join(dir, "estate.json") }
func databaseOf(dir string) string { return "sqlite:" + filepath.Join(dir, "manager.db") }
func authorityOf(dir string) string {
	return filepath.Join(dir, "authority")
}

func readEstate(dir string) (*estate, error) {
	e := &estate{}
	raw, err := os.ReadFile(estateFile(dir))
	if err == nil {
		err = json.Unmarshal(raw, e)
	}
	return e, err
}

// furnisher fills a data directory by the manager's own use cases, without the
// network: a network's limit of enrolments would take longer than all the rest.
type furnisher struct {
	authority *authority.Authority
	inventory *inventory.Service
	events    *events.Keeper
	actor     inventory.Actor
	estate    estate
}

func furnish(ctx context.Context, dir string, size managerSize) (_ *estate, err error) {
	f := &furnisher{}
	if f.authority, err = authority.Open(authorityOf(dir)); err != nil {
		return nil, err
	}
	db, err := store.Open(ctx, databaseOf(dir))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	f.inventory = inventory.New(db, inventory.Config{Fingerprint: f.authority.Fingerprint()})
	f.events = events.New(db, events.Config{})
	account, err := f.inventory.CreateAccount(ctx, "bench")
	if err != nil {
		return nil, err
	}
	f.actor = inventory.Actor{Account: account.ID, ID: "system"}
	if _, f.estate.Code, err = access.New(db, time.Now).AddPerson(ctx, f.actor, "owner", access.Owner); err != nil {
		return nil, err
	}
	for i := range size.sites() {
		if err := f.site(ctx, i); err != nil {
			return nil, err
		}
	}
	if err := f.history(ctx, size.events); err != nil {
		return nil, err
	}
	raw, err := json.Marshal(f.estate)
	if err != nil {
		return nil, err
	}
	return &f.estate, os.WriteFile(estateFile(dir), raw, 0o600)
}

// site makes one with two vSockets, both enrolled.
func (f *furnisher) site(ctx context.Context, n int) error {
	host := func(last byte) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(n >> 8), byte(n), last}) }
	s, err := f.inventory.CreateSite(ctx, f.actor, inventory.NewSite{Name: fmt.Sprint("site", n),
		Native: netip.PrefixFrom(host(0), 24), LocalIP: host(4)}, inventory.Change{})
	if err != nil {
		return err
	}
	made := pairOf{ID: s.ID}
	if made.VSockets[0], err = f.enrol(ctx, s.Primary.Serial); err != nil {
		return err
	}
	if err := f.inventory.Seen(ctx, s.Primary.Serial, site.Release); err != nil { // or there is no second one (E2)
		return err
	}
	s, err = f.inventory.AddSecondary(ctx, f.actor, s.ID, inventory.Change{IfMatch: s.Generation},
		inventory.Secondary{LANIP: host(5), FloatingIP: host(6)})
	if err != nil {
		return err
	}
	if made.VSockets[1], err = f.enrol(ctx, s.Secondary.Serial); err != nil {
		return err
	}
	f.estate.Sites = append(f.estate.Sites, made)
	return nil
}

// enrol is what a vSocket and the manager do, in one.
func (f *furnisher) enrol(ctx context.Context, serial site.Serial) (identity, error) {
	once, err := f.inventory.EnrolKey(ctx, f.actor, serial, inventory.Change{})
	if err != nil {
		return identity{}, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return identity{}, err
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		return identity{}, err
	}
	request, err := authority.ReadRequest(der)
	if err != nil {
		return identity{}, err
	}
	if _, err := f.inventory.Redeem(ctx, serial, once.Secret, request.KeyHash()); err != nil {
		return identity{}, err
	}
	chain, err := f.authority.Device(serial, request, time.Now())
	if err != nil {
		return identity{}, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return identity{}, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	for _, cert := range chain {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})...)
	}
	return identity{serial, text}, nil
}
