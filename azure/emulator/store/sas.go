package store

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"time"

	"releve.dev/releve/azure/emulator/tree"
)

// A service SAS is a signed leave to look at one blob for a while ("Storage Accounts
// - List Service SAS"): what an Owner of the account, who has no role on its data,
// can have of ARM. It is signed with the account's key, which is shown to nobody here.

// signedBlob is how a SAS names a blob.
func signedBlob(account, container, blob string) string {
	return "/blob/" + account + "/" + container + "/" + blob
}

func listServiceSas(s *Store, c *call, r *resource) Response {
	body, err := tree.Parse(c.Body)
	if err != nil {
		return bad("InvalidRequestContent", "The request content was invalid and could not be deserialized: '%v'.", err).response()
	}
	resource, expiry := tree.Text(body, "canonicalizedResource"), tree.Text(body, "signedExpiry")
	if _, err := time.Parse(time.RFC3339, expiry); err != nil || !strings.HasPrefix(resource, "/blob/"+r.name+"/") || tree.Text(body, "signedResource") != "b" {
		return bad("InvalidValuesForRequestParameters", "Values for request parameters are invalid: canonicalizedResource, signedResource, signedExpiry.").response()
	}
	signed := url.Values{"sv": {"2023-11-03"}, "sr": {"b"}, "sp": {tree.Text(body, "signedPermission")}, "se": {expiry}}
	signed.Set("sig", accountSignature(r, resource, signed))
	return Response{Status: http.StatusOK, Body: tree.Render(tree.Object{"serviceSasToken": signed.Encode()})}
}

// accountSignature is of all that a SAS grants, by a key that the account's id makes:
// the store draws nothing by chance.
func accountSignature(account *resource, resource string, signed url.Values) string {
	key := sha256.Sum256([]byte("key1 of " + account.key))
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte(strings.Join([]string{signed.Get("sp"), signed.Get("se"), resource, signed.Get("sv"), signed.Get("sr")}, "\n")))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// Signed judges the SAS in a request for a blob: "" if it may be read with it, else
// Azure's code for the refusal.
func (s *Store) Signed(query url.Values, account, container, blob string, wall time.Time) string {
	r := s.account(account)
	if r == nil {
		return "AuthenticationFailed"
	}
	expiry, err := time.Parse(time.RFC3339, query.Get("se"))
	switch {
	case tree.Text(r.doc, "properties", "allowSharedKeyAccess") == "false":
		return "KeyBasedAuthenticationNotPermitted"
	case err != nil || !wall.Before(expiry) || !hmac.Equal([]byte(query.Get("sig")), []byte(accountSignature(r, signedBlob(account, container, blob), query))):
		return "AuthenticationFailed"
	case !strings.Contains(query.Get("sp"), "r"):
		return "AuthorizationPermissionMismatch"
	}
	return ""
}
