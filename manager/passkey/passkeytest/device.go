// Package passkeytest is an authenticator and its browser for tests: keys on
// P-256, no attestation (WebAuthn Level 3, section 6). It can be told to err.
package passkeytest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"

	"github.com/fxamacker/cbor/v2"
)

// Device is an authenticator with one passkey, once it was registered.
type Device struct {
	t      testing.TB
	Origin string // where its browser is
	key    *ecdsa.PrivateKey
	id     []byte
	user   []byte
	count  uint32

	// What it does wrong.
	Unverified bool   // its user gave no PIN
	Challenge  string // it signs this one instead
	Party      string // it is another party's
	Stopped    bool   // its counter doesn't rise
}

// New makes one without a passkey.
func New(t testing.TB, origin string) *Device {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id := make([]byte, 32)
	_, _ = rand.Read(id)
	return &Device{t: t, Origin: origin, key: key, id: id}
}

// ID is the passkey's.
func (d *Device) ID() string { return encode(d.id) }

func encode(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

// options are those of either question that the device reads.
type options struct {
	Public struct {
		Challenge string `json:"challenge"`
		RP        struct {
			ID string `json:"id"`
		} `json:"rp"`
		RPID string `json:"rpId"`
		User struct {
			ID string `json:"id"`
		} `json:"user"`
	} `json:"publicKey"`
}

func (d *Device) read(raw []byte) options {
	d.t.Helper()
	var o options
	if err := json.Unmarshal(raw, &o); err != nil || o.Public.Challenge == "" {
		d.t.Fatalf("options %s: %v", raw, err)
	}
	return o
}

// Register answers the question for a new passkey.
func (d *Device) Register(raw []byte) []byte {
	d.t.Helper()
	o := d.read(raw)
	user, err := base64.RawURLEncoding.DecodeString(o.Public.User.ID)
	if err != nil {
		d.t.Fatal(err)
	}
	d.user = user
	attestation, err := cbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": d.data(o.Public.RP.ID, true)})
	if err != nil {
		d.t.Fatal(err)
	}
	return d.answer(map[string]any{"clientDataJSON": encode(d.client("webauthn.create", o)), "attestationObject": encode(attestation)})
}

// Sign answers the question who is there.
func (d *Device) Sign(raw []byte) []byte {
	d.t.Helper()
	o := d.read(raw)
	if !d.Stopped {
		d.count++
	}
	data, client := d.data(o.Public.RPID, false), d.client("webauthn.get", o)
	sum := sha256.Sum256(client)
	digest := sha256.Sum256(append(append([]byte{}, data...), sum[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, d.key, digest[:])
	if err != nil {
		d.t.Fatal(err)
	}
	return d.answer(map[string]any{"clientDataJSON": encode(client), "authenticatorData": encode(data), "signature": encode(signature),
		"userHandle": encode(d.user)})
}

func (d *Device) answer(response map[string]any) []byte {
	text, err := json.Marshal(map[string]any{"id": d.ID(), "rawId": d.ID(), "type": "public-key", "response": response,
		"clientExtensionResults": map[string]any{"credProps": map[string]any{"rk": true}}})
	if err != nil {
		d.t.Fatal(err)
	}
	return text
}

// client is the browser's part (5.8.1).
func (d *Device) client(kind string, o options) []byte {
	challenge := o.Public.Challenge
	if d.Challenge != "" {
		challenge = d.Challenge
	}
	text, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": d.Origin, "crossOrigin": false})
	if err != nil {
		d.t.Fatal(err)
	}
	return text
}

// data is the authenticator's part (6.1).
func (d *Device) data(party string, fresh bool) []byte {
	if d.Party != "" {
		party = d.Party
	}
	flags := byte(0x01) // somebody is there
	if !d.Unverified {
		flags |= 0x04
	}
	if fresh {
		flags |= 0x40
	}
	sum := sha256.Sum256([]byte(party))
	raw := binary.BigEndian.AppendUint32(append(sum[:], flags), d.count)
	if !fresh {
		return raw
	}
	raw = append(raw, make([]byte, 16)...) // no make
	raw = binary.BigEndian.AppendUint16(raw, uint16(len(d.id)))
	return append(append(raw, d.id...), d.public()...)
}

// public is the key in COSE (RFC 9053): EC2, ES256, P-256.
func (d *Device) public() []byte {
	point, err := d.key.PublicKey.Bytes()
	if err != nil {
		d.t.Fatal(err)
	}
	raw, err := cbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
	if err != nil {
		d.t.Fatal(err)
	}
	return raw
}
