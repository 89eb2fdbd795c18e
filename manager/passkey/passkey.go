// Package passkey is the manager as a relying party of WebAuthn (Level 3): people
// register an authenticator, and sign in with it, by no name and no password. It
// asks for discoverable credentials that verify their user (a PIN, a fingerprint),
// and for no attestation: which make of authenticator it is doesn't count.
//
// What it returns as a Ceremony belongs to one answer, for some minutes, and has
// to come back unchanged.
package passkey

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

// Party is a relying party. It may be used by many at once.
type Party struct{ web *webauthn.WebAuthn }

// New makes the party of a host name, as browsers reach it at the origins
// (https://…). Passkeys are of the name: with another they are good no more.
func New(name string, origins ...string) (*Party, error) {
	need := protocol.ResidentKeyRequirementRequired
	web, err := webauthn.New(&webauthn.Config{RPID: name, RPDisplayName: "Relève manager " + name, RPOrigins: origins,
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{RequireResidentKey: protocol.ResidentKeyRequired(), ResidentKey: need,
			UserVerification: protocol.VerificationRequired},
		// Some password managers tell unasked that a credential is discoverable.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore})
	if err != nil {
		return nil, fmt.Errorf("passkeys of %s: %w", name, err)
	}
	return &Party{web}, nil
}

// Name is the host name that the passkeys are of.
func (p *Party) Name() string { return p.web.Config.RPID }

// Key is one registered passkey.
type Key struct {
	ID         string // base64url
	Credential string // JSON: public key, counter, flags
}

// Person is somebody with passkeys.
type Person struct {
	ID, Name string
	Keys     []Key
}

// Ceremony is what is known of a question until its answer comes.
type Ceremony struct{ webauthn.SessionData }

// Refused is an answer that isn't good, and why.
type Refused struct{ Reason string }

func (r *Refused) Error() string { return r.Reason }

func refused(err error) error {
	var detailed *protocol.Error
	if errors.As(err, &detailed) && detailed.DevInfo != "" {
		return &Refused{detailed.Details + ": " + short(detailed.DevInfo)}
	}
	return &Refused{short(err.Error())}
}

// short is a stranger's text, for a log.
func short(text string) string {
	if runes := []rune(text); len(runes) > 200 {
		return string(runes[:200]) + "…"
	}
	return text
}

// Register asks a browser for a new passkey of a person, in an authenticator
// that has none of theirs.
func (p *Party) Register(who Person) (options json.RawMessage, c Ceremony, err error) {
	u, err := userOf(who)
	if err != nil {
		return nil, c, err
	}
	creation, session, err := p.web.BeginRegistration(u, webauthn.WithExclusions(webauthn.Credentials(u.keys).CredentialDescriptors()))
	if err != nil {
		return nil, c, fmt.Errorf("asking for a passkey: %w", err)
	}
	options, err = json.Marshal(creation)
	return options, Ceremony{*session}, err
}

// Registered reads the browser's answer.
func (p *Party) Registered(who Person, c Ceremony, answer []byte) (Key, error) {
	u, err := userOf(who)
	if err != nil {
		return Key{}, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return Key{}, refused(err)
	}
	made, err := p.web.CreateCredential(u, c.SessionData, parsed)
	if err != nil {
		return Key{}, refused(err)
	}
	return keyOf(made)
}

// Ask asks a browser to show that it has one of the keys; of none: any passkey of
// this manager.
func (p *Party) Ask(keys ...Key) (options json.RawMessage, c Ceremony, err error) {
	u, err := userOf(Person{Keys: keys})
	if err != nil {
		return nil, c, err
	}
	var only []webauthn.LoginOption
	if len(keys) > 0 {
		only = append(only, webauthn.WithAllowedCredentials(webauthn.Credentials(u.keys).CredentialDescriptors()))
	}
	assertion, session, err := p.web.BeginDiscoverableLogin(only...)
	if err != nil {
		return nil, c, fmt.Errorf("asking by passkey: %w", err)
	}
	options, err = json.Marshal(assertion)
	return options, Ceremony{*session}, err
}

// Answered reads the browser's answer. find says whose passkey an id is. The key
// is as it is from now on: its counter has risen.
func (p *Party) Answered(c Ceremony, answer []byte, find func(id string) (Person, error)) (Key, error) {
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return Key{}, refused(err)
	}
	var failed error
	_, used, err := p.web.ValidatePasskeyLogin(func(id, _ []byte) (webauthn.User, error) {
		who, err := find(encode(id))
		if err != nil {
			failed = err
			return nil, err
		}
		return userOf(who)
	}, c.SessionData, parsed)
	switch {
	case failed != nil:
		return Key{}, failed
	case err != nil:
		return Key{}, refused(err)
	case used.Authenticator.CloneWarning:
		return Key{}, &Refused{"the authenticator's counter hasn't risen: there may be a copy of it"}
	}
	return keyOf(used)
}

func encode(id []byte) string { return base64.RawURLEncoding.EncodeToString(id) }

func keyOf(c *webauthn.Credential) (Key, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return Key{}, fmt.Errorf("keeping a passkey: %w", err)
	}
	return Key{encode(c.ID), string(text)}, nil
}

// user is a person as the library wants one.
type user struct {
	Person
	keys []webauthn.Credential
}

var _ webauthn.User = (*user)(nil)

func userOf(who Person) (*user, error) {
	u := &user{Person: who}
	for _, k := range who.Keys {
		var c webauthn.Credential
		if err := json.Unmarshal([]byte(k.Credential), &c); err != nil {
			return nil, fmt.Errorf("passkey %s: %w", k.ID, err)
		}
		u.keys = append(u.keys, c)
	}
	return u, nil
}

func (u *user) WebAuthnID() []byte                         { return []byte(u.ID) }
func (u *user) WebAuthnName() string                       { return u.Name }
func (u *user) WebAuthnDisplayName() string                { return u.Name }
func (u *user) WebAuthnCredentials() []webauthn.Credential { return u.keys }
