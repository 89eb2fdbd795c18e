package inventory

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"releve.dev/releve/manager/store/query"
	"releve.dev/releve/site"
)

const (
	keyLife   = 24 * time.Hour   // of a one-time key
	sameAgain = 10 * time.Minute // how long a lost reply may be asked for again
)

// EnrolKey makes the one-time key of a vSocket that nobody has enrolled yet. It
// is told once: the database keeps a hash. A key made before is good no more.
// No setting changes: c.IfMatch isn't looked at.
func (s *Service) EnrolKey(ctx context.Context, a Actor, serial site.Serial, c Change) (site.EnrolKey, error) {
	if _, err := s.VSocket(ctx, a, serial); err != nil { // a PoP's, too
		return site.EnrolKey{}, err
	}
	return s.enrolKey(ctx, a, serial, c, "socket.enrol-key")
}

func (s *Service) enrolKey(ctx context.Context, a Actor, serial site.Serial, c Change, action string) (site.EnrolKey, error) {
	k := site.EnrolKey{Serial: serial, Fingerprint: s.fingerprint}
	rand.Read(k.Secret[:]) // never fails (crypto/rand)
	err := s.commit(ctx, c, func(q *query.Queries) error {
		row, err := owned(ctx, q, a, serial)
		if err != nil {
			return err
		}
		if r := whyNoKey(ofVSocket(row)); r != nil {
			return r
		}
		now := s.clock()
		until := now.Add(keyLife)
		if _, err := q.GiveKey(ctx, query.GiveKeyParams{SecretHash: hashOf(k.Secret), KeyUntil: until.UnixMilli(), Serial: row.Serial, AccountID: a.Account}); err != nil {
			return fmt.Errorf("writing the key of %s: %w", serial, err)
		}
		return audit(ctx, q, a, now, action, row.Serial, nil, map[string]any{"site": row.SiteID, "key_until": until})
	})
	if err != nil {
		return site.EnrolKey{}, err
	}
	return k, nil
}

func whyNoKey(v VSocket) *Refusal {
	switch {
	case v.State == StateVoid:
		return &Refusal{Kind: Void, Message: fmt.Sprintf("serial number %s is void", v.Serial), Remedy: "a vSocket in its place has a serial number of its own"}
	case v.State == StateRegistered && v.Side == site.Primary:
		return &Refusal{Kind: NotNow, Message: fmt.Sprintf("a vSocket has enrolled as %s already", v.Serial), Remedy: "replace the primary: that makes a new serial number"}
	case v.State == StateRegistered && v.Side == site.NoSide:
		return &Refusal{Kind: NotNow, Message: fmt.Sprintf("a PoP has enrolled as %s already", v.Serial), Remedy: "remove it and add a PoP anew: that makes a new serial number"}
	case v.State == StateRegistered:
		return &Refusal{Kind: NotNow, Message: fmt.Sprintf("a vSocket has enrolled as %s already", v.Serial), Remedy: "unassign it and add a secondary anew: that makes a new serial number"}
	}
	return nil
}

// Redeem, for the fleet, registers the vSocket or PoP that shows its one-time secret.
// keyHash is of the public key that it made. The same key again within ten
// minutes gets the same answer, since the reply may have been lost.
func (s *Service) Redeem(ctx context.Context, serial site.Serial, secret [20]byte, keyHash string) (VSocket, error) {
	if keyHash == "" {
		panic("inventory: redeeming for no key")
	}
	var v VSocket
	err := s.store.InTx(ctx, func(q *query.Queries) error {
		row, err := anybodys(ctx, q, serial)
		if err != nil {
			return err
		}
		v = ofVSocket(row)
		now := s.clock()
		if r := whyNotRedeem(row, now, secret, keyHash); r != nil {
			return r
		}
		if v.State == StateRegistered {
			return nil // asked again
		}
		v.State = StateRegistered
		n, err := q.RegisterVSocket(ctx, query.RegisterVSocketParams{PublicKey: keyHash, RedeemedAt: now.UnixMilli(), Serial: row.Serial})
		if err != nil || n != 1 {
			return fmt.Errorf("registering %s (%d rows): %w", serial, n, err)
		}
		action := "socket.register"
		if v.Side == site.NoSide {
			action = "pop.register"
		}
		return audit(ctx, q, device(row), now, action, row.Serial, nil,
			map[string]string{"site": row.SiteID, "public_key": keyHash})
	})
	if err != nil {
		return VSocket{}, err
	}
	return v, nil
}

// whyNotRedeem tells nobody without the secret more than that it is wrong.
func whyNotRedeem(row query.VSocket, now time.Time, secret [20]byte, keyHash string) *Refusal {
	const again = "make a new key: releve socket enrol-key, or releve pop enrol-key"
	switch {
	case row.State == string(StateVoid):
		return &Refusal{Kind: Void, Message: fmt.Sprintf("serial number %s is void", row.Serial), Remedy: "this vSocket was unassigned for ever; deploy a new one"}
	case row.SecretHash == "" || subtle.ConstantTimeCompare([]byte(row.SecretHash), []byte(hashOf(secret))) != 1:
		return &Refusal{Kind: BadKey, Message: fmt.Sprintf("this is not the key of %s", row.Serial), Remedy: "the last one that was made counts; " + again}
	case row.State == string(StateRegistered) && row.PublicKey == keyHash && now.Before(timeOf(row.RedeemedAt).Add(sameAgain)):
		return nil
	case row.State == string(StateRegistered):
		return &Refusal{Kind: Used, Message: fmt.Sprintf("the key of %s was used at %s", row.Serial, timeOf(row.RedeemedAt).Format(time.RFC3339)),
			Remedy: "a key is good for one vSocket; is this a copy of its disk?"}
	case !now.Before(timeOf(row.KeyUntil)):
		return &Refusal{Kind: Expired, Message: fmt.Sprintf("the key of %s was good until %s", row.Serial, timeOf(row.KeyUntil).Format(time.RFC3339)), Remedy: again}
	}
	return nil
}

func hashOf(secret [20]byte) string {
	sum := sha256.Sum256(secret[:])
	return hex.EncodeToString(sum[:])
}

// drawSerial draws until it has one that no account ever had.
func drawSerial(ctx context.Context, q *query.Queries) (site.Serial, error) {
	for range 100 {
		var draw [8]byte
		rand.Read(draw[:]) // never fails (crypto/rand)
		serial := site.MakeSerial(binary.LittleEndian.Uint64(draw[:]))
		_, err := q.VSocketOfAny(ctx, string(serial))
		if errors.Is(err, sql.ErrNoRows) {
			return serial, nil
		}
		if err != nil {
			return "", fmt.Errorf("drawing a serial number: %w", err)
		}
	}
	return "", errors.New("drawing a serial number: the first hundred were all taken")
}
