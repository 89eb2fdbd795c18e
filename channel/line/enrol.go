package line

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"connectrpc.com/connect"

	"releve.dev/releve/channel"
	"releve.dev/releve/disk"
	"releve.dev/releve/site"
)

// enrolTimeout bounds one try.
const enrolTimeout = 30 * time.Second

// Enrol makes this device the one with the enrolment key's serial number. Its own
// key is on the disk before it is used, so that another try, after a lost reply or
// a crash, asks with the same one and gets the same answer. A refusal's error has
// its reason (channel.ReasonOf).
func Enrol(ctx context.Context, manager string, dial Dial, folder disk.Folder, k site.EnrolKey) (*Identity, error) {
	switch old, err := LoadIdentity(folder); {
	case err == nil:
		return nil, fmt.Errorf("this device is enrolled already, as %s\nhint: a new serial number is for a new one", old.Serial)
	case !errors.Is(err, ErrNotEnrolled):
		return nil, err
	}
	key, err := pendingKey(folder)
	if err != nil {
		return nil, fmt.Errorf("enrolment: %w", err)
	}
	chain, err := ask(ctx, manager, dial, k, key)
	if err != nil {
		return nil, fmt.Errorf("enrolling as %s at %s: %w", k.Serial, manager, err)
	}
	identity, err := assemble(key, chain)
	if err != nil {
		return nil, err
	}
	if identity.Serial != k.Serial {
		return nil, fmt.Errorf("enrolling as %s at %s: the certificate is of %s", k.Serial, manager, identity.Serial)
	}
	if err := identity.Save(folder); err != nil {
		return nil, err
	}
	return identity, folder.Remove(pendingFile)
}

func pendingKey(folder disk.Folder) (*ecdsa.PrivateKey, error) {
	raw, err := folder.Read(pendingFile)
	if err == nil {
		return decodeKey(raw)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	key, err := NewKey()
	if err != nil {
		return nil, err
	}
	if raw, err = encodeKey(key); err != nil {
		return nil, err
	}
	return key, disk.Replace(folder, pendingFile, raw)
}

func ask(ctx context.Context, manager string, dial Dial, k site.EnrolKey, key *ecdsa.PrivateKey) ([][]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, enrolTimeout)
	defer cancel()
	req, err := Request(key)
	if err != nil {
		return nil, err
	}
	c := Carry(manager, dial, pinned(k.Fingerprint), channel.MaxMessage)
	defer c.Close()
	response, err := c.Client.Enrol(ctx, connect.NewRequest(&channel.EnrolRequest{
		Serial: string(k.Serial), Secret: k.Secret[:], Request: req,
	}))
	if err != nil {
		return nil, err
	}
	return response.Msg.Chain, nil
}
