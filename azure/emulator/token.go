package emulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"releve.dev/releve/azure/emulator/store"
)

// claims are those of an access token (Microsoft identity platform, "Access
// token claims"). The vendor's xms_az_rid names the VM that asked for it.
type claims struct {
	Audience  string `json:"aud"`
	Issuer    string `json:"iss"`
	IssuedAt  int64  `json:"iat"`
	NotBefore int64  `json:"nbf"`
	Expires   int64  `json:"exp"`
	AppID     string `json:"appid"`
	ObjectID  string `json:"oid"`
	Subject   string `json:"sub"`
	Tenant    string `json:"tid"`
	Version   string `json:"ver"`
	Identity  string `json:"xms_mirid,omitempty"`
	VM        string `json:"xms_az_rid,omitempty"`
	Name      string `json:"app_displayname,omitempty"`
	Admin     bool   `json:"emulator_admin,omitempty"`
}

// errNoToken and errExpired are why a token is refused.
var (
	errNoToken = errors.New("the access token is invalid")
	errExpired = errors.New("the access token has expired")
)

// tokens issues and checks access tokens. They are JWTs (RFC 7519) signed with
// a key that this emulator alone has.
type tokens struct {
	key    []byte
	tenant string
	wall   func() time.Time
}

const tokenHeader = `{"typ":"JWT","alg":"HS256","kid":"emulator"}`

func (t *tokens) issue(c claims, life time.Duration) string {
	now := t.wall()
	if c.Tenant == "" {
		c.Tenant = t.tenant
	}
	c.Issuer = "https://sts.windows.net/" + c.Tenant + "/"
	c.Version, c.Subject = "1.0", c.ObjectID
	c.IssuedAt, c.NotBefore, c.Expires = now.Unix(), now.Add(-5*time.Minute).Unix(), now.Add(life).Unix()
	body, err := json.Marshal(c)
	if err != nil {
		panic(fmt.Sprintf("emulator: claims can't be written: %v", err))
	}
	signed := part([]byte(tokenHeader)) + "." + part(body)
	return signed + "." + part(t.sign(signed))
}

func part(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (t *tokens) sign(text string) []byte {
	mac := hmac.New(sha256.New, t.key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// check reads the Authorization header's token.
func (t *tokens) check(header string) (claims, error) {
	var c claims
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return c, errNoToken
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return c, errNoToken
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || !hmac.Equal(signature, t.sign(parts[0]+"."+parts[1])) {
		return c, errNoToken
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(body, &c) != nil {
		return c, errNoToken
	}
	if t.wall().Unix() >= c.Expires {
		return c, errExpired
	}
	return c, nil
}

// principal is whom the store checks.
func (c claims) principal() store.Principal {
	p := store.Principal{ObjectID: c.ObjectID, ClientID: c.AppID, Name: lastSegment(c.Identity), Client: lastSegment(c.VM), Admin: c.Admin}
	switch {
	case c.Admin:
		p.Name = "admin"
	case p.Name == "":
		p.Name = c.Name
	}
	return p
}

func lastSegment(id string) string { return id[strings.LastIndexByte(id, '/')+1:] }
