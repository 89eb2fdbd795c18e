package imds

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"time"
)

// Token is a bearer token of the VM's managed identity.
type Token struct {
	Value    string
	Expires  time.Time // by the wall clock
	ClientID string    // of the identity that it speaks for, if IMDS says
}

// FetchToken asks IMDS for a token. Whoever needs one during a failover has
// fetched it before: see Tokens.
func (c *Client) FetchToken(ctx context.Context) (Token, error) {
	query := url.Values{"api-version": {"2018-02-01"}, "resource": {c.config.Audience}}
	if c.config.ClientID != "" {
		query.Set("client_id", c.config.ClientID)
	}
	body, err := c.get(ctx, "/metadata/identity/oauth2/token", query)
	if err != nil {
		return Token{}, err
	}
	return parseToken(body, time.Now())
}

func parseToken(body []byte, now time.Time) (Token, error) {
	var parsed struct {
		Token     string      `json:"access_token"`
		ClientID  string      `json:"client_id"`
		ExpiresIn json.Number `json:"expires_in"` // a text in Azure's answers
		ExpiresOn json.Number `json:"expires_on"`
	}
	if err := json.Unmarshal(body, &parsed); err != nil {
		return Token{}, fmt.Errorf("%w: token: %v", ErrAnswer, err)
	}
	if parsed.Token == "" {
		return Token{}, fmt.Errorf("%w: it holds no token", ErrAnswer)
	}
	token := Token{Value: parsed.Token, ClientID: parsed.ClientID}
	// Seconds from now on don't depend on this VM's clock being right.
	if in, err := strconv.ParseInt(parsed.ExpiresIn.String(), 10, 32); err == nil && in >= 0 {
		token.Expires = now.Add(time.Duration(in) * time.Second)
	} else if on, err := strconv.ParseInt(parsed.ExpiresOn.String(), 10, 64); err == nil {
		token.Expires = time.Unix(on, 0)
	} else {
		return Token{}, fmt.Errorf("%w: the token's expiry is missing", ErrAnswer)
	}
	token.Expires = token.Expires.Round(0) // a frozen VM's monotonic clock stands still, tokens don't
	return token, nil
}
