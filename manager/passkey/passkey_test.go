package passkey

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"releve.dev/releve/manager/passkey/passkeytest"
)

const origin = "https://manager.example:8443"

func party(t testing.TB) *Party {
	t.Helper()
	p, err := New("manager.example", "https://manager.example", origin)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// person has one passkey, in a device.
func person(t testing.TB, p *Party) (Person, *passkeytest.Device) {
	t.Helper()
	who, device := Person{ID: "0193-alice", Name: "alice"}, passkeytest.New(t, origin)
	options, ceremony, err := p.Register(who)
	if err != nil {
		t.Fatal(err)
	}
	key, err := p.Registered(who, ceremony, device.Register(options))
	if err != nil {
		t.Fatal(err)
	}
	if key.ID != device.ID() {
		t.Errorf("got key %s, want %s", key.ID, device.ID())
	}
	who.Keys = []Key{key}
	return who, device
}

func finder(who Person) func(string) (Person, error) {
	return func(string) (Person, error) { return who, nil }
}

// A person registers a device and signs in with it, time and again; what is
// asked for is a discoverable key that verifies its user.
func TestRegisterAndSignIn(t *testing.T) {
	p := party(t)
	who, device := person(t, p)
	for range 3 {
		options, ceremony, err := p.Ask()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(options), `"userVerification":"required"`) {
			t.Errorf("asks for %s", options)
		}
		key, err := p.Answered(ceremony, device.Sign(options), finder(who))
		if err != nil {
			t.Fatal(err)
		}
		who.Keys[0] = key
	}
	options, _, err := p.Register(who)
	if err != nil || !strings.Contains(string(options), device.ID()) || !strings.Contains(string(options), `"residentKey":"required"`) {
		t.Errorf("a second one isn't asked for elsewhere: %s, %v", options, err)
	}
}

// What isn't the answer of the right device to this question, at the right
// place, is refused, and why.
func TestAnswersThatArentGood(t *testing.T) {
	p := party(t)
	who, device := person(t, p)
	_, stranger := person(t, p)
	other, _, err := p.Ask()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what   string
		answer func(options []byte) []byte
	}{
		{"nothing", func([]byte) []byte { return nil }},
		{"no answer", func([]byte) []byte { return []byte(`{"id": "AA"}`) }},
		{"of another question", func([]byte) []byte { return device.Sign(other) }},
		{"another device", func(options []byte) []byte { return stranger.Sign(options) }},
		{"another origin", with(device, func(d *passkeytest.Device) { d.Origin = "https://manager.evil.example" })},
		{"another port", with(device, func(d *passkeytest.Device) { d.Origin = "https://manager.example:1" })},
		{"another party", with(device, func(d *passkeytest.Device) { d.Party = "evil.example" })},
		{"another challenge", with(device, func(d *passkeytest.Device) { d.Challenge = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" })},
		{"an unverified user", with(device, func(d *passkeytest.Device) { d.Unverified = true })},
		{"a registration", func(options []byte) []byte { return stranger.Register(registration(t, p, who)) }},
	} {
		options, ceremony, err := p.Ask()
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.Answered(ceremony, c.answer(options), finder(who))
		var r *Refused
		if !errors.As(err, &r) || r.Reason == "" {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

func with(d *passkeytest.Device, change func(*passkeytest.Device)) func([]byte) []byte {
	return func(options []byte) []byte {
		was := *d
		change(d)
		answer := d.Sign(options)
		*d = was
		return answer
	}
}

func registration(t *testing.T, p *Party, who Person) []byte {
	options, _, err := p.Register(who)
	if err != nil {
		t.Fatal(err)
	}
	return options
}

// A counter that stands still is a copy of the authenticator.
func TestCopies(t *testing.T) {
	p := party(t)
	who, device := person(t, p)
	sign := func() error {
		options, ceremony, err := p.Ask(who.Keys...)
		if err != nil {
			t.Fatal(err)
		}
		key, err := p.Answered(ceremony, device.Sign(options), finder(who))
		if err == nil {
			who.Keys[0] = key
		}
		return err
	}
	if err := sign(); err != nil {
		t.Fatal(err)
	}
	device.Stopped = true
	var r *Refused
	if err := sign(); !errors.As(err, &r) || !strings.Contains(r.Reason, "copy") {
		t.Errorf("got %v", err)
	}
}

// A question for some keys isn't answered by another, and a failure to find
// whose a key is stays what it was.
func TestWhose(t *testing.T) {
	p := party(t)
	who, _ := person(t, p)
	other, device := person(t, p)
	options, ceremony, err := p.Ask(who.Keys...)
	if err != nil {
		t.Fatal(err)
	}
	var r *Refused
	if _, err := p.Answered(ceremony, device.Sign(options), finder(other)); !errors.As(err, &r) {
		t.Errorf("another's key: %v", err)
	}
	options, ceremony, err = p.Ask()
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("the database is gone")
	if _, err := p.Answered(ceremony, device.Sign(options), func(string) (Person, error) { return Person{}, broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if _, err := New("10.0.0.1", "https://10.0.0.1"); err == nil {
		t.Error("passkeys of an address")
	}
}

// No answer makes a panic, and none but the device's own is good.
func FuzzAnswers(f *testing.F) {
	p := party(f)
	who, device := person(f, p)
	options, ceremony, err := p.Ask()
	if err != nil {
		f.Fatal(err)
	}
	good := device.Sign(options)
	f.Add(good)
	f.Add(device.Register([]byte(`{"publicKey": {"challenge": "AAAA"}}`)))
	f.Add([]byte(`{"id":"AA","rawId":"AA","type":"public-key","response":{"authenticatorData":"AA","clientDataJSON":"e30","signature":"AA","userHandle":"AA"}}`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		_, err := p.Registered(who, ceremony, answer)
		if err == nil {
			t.Errorf("registered by %s", answer)
		}
		if _, err := p.Answered(ceremony, answer, finder(who)); err == nil && !sameJSON(answer, good) {
			t.Errorf("signed in by %s", answer)
		}
	})
}

// sameJSON compares what of an answer is signed.
func sameJSON(one, other []byte) bool {
	signed := func(raw []byte) string {
		var a struct {
			Response struct{ ClientDataJSON, AuthenticatorData string }
		}
		_ = json.Unmarshal(raw, &a)
		client, _ := base64.RawURLEncoding.DecodeString(strings.TrimRight(a.Response.ClientDataJSON, "="))
		data, _ := base64.RawURLEncoding.DecodeString(strings.TrimRight(a.Response.AuthenticatorData, "="))
		return string(client) + "\n" + string(data)
	}
	return signed(one) == signed(other)
}
