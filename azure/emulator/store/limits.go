package store

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"releve.dev/releve/azure/emulator/throttle"
)

// quota is what a request counts against.
type quota uint8

const (
	reads quota = iota
	writes
	deletes
)

func (q quota) String() string { return [...]string{"reads", "writes", "deletes"}[q] }

func quotaOf(method string) quota {
	switch method {
	case http.MethodGet, http.MethodHead:
		return reads
	case http.MethodDelete:
		return deletes
	}
	return writes
}

type bucketKey struct {
	principal string
	quota     quota
}

// warning is what a caller was told to wait for.
type warning struct{ client, method, path string }

// Violation is a call that came before the Retry-After of an earlier answer
// to the same call was over.
type Violation struct {
	At      time.Duration `json:"at"`
	Client  string        `json:"client"`
	Method  string        `json:"method"`
	Path    string        `json:"path"`
	Allowed time.Duration `json:"allowed"` // the first instant that would have been right
}

// maxViolations bounds the list.
const maxViolations = 10000

// Violations lists the calls that came too early.
func (s *Store) Violations() []Violation { return append([]Violation(nil), s.early...) }

// watch notes a call that comes too early.
func (s *Store) watch(c *call) {
	key := warning{c.Principal.who(), c.Method, c.Path}
	allowed, warned := s.warned[key]
	if !warned {
		return
	}
	if s.now >= allowed {
		delete(s.warned, key)
		return
	}
	if len(s.early) < maxViolations {
		s.early = append(s.early, Violation{s.now, key.client, c.Method, c.Path, allowed})
	}
}

// warn remembers the Retry-After of a 429.
func (s *Store) warn(c *call, r *Response) {
	if r.Status != http.StatusTooManyRequests || c.Principal.Admin {
		return
	}
	if wait, err := strconv.Atoi(r.Get("Retry-After")); err == nil {
		s.warned[warning{c.Principal.who(), c.Method, c.Path}] = s.now + time.Duration(wait)*time.Second
	}
}

var subscriptionLimits = [...]throttle.Limit{throttle.SubscriptionReads, throttle.SubscriptionWrites, throttle.SubscriptionWrites}

// throttle takes the request's tokens.
func (s *Store) throttle(c *call) *Error {
	if c.Principal.Admin {
		return nil
	}
	q := quotaOf(c.Method)
	left, wait := s.bucket(c, q).Take(s.now, subscriptionLimits[q])
	if wait > 0 {
		return &Error{Status: http.StatusTooManyRequests, Code: "SubscriptionRequestsThrottled", RetryAfter: wait,
			Message: "Number of '" + q.String() + "' requests for subscription '" + s.opt.Subscription + "' actor '" + c.Principal.ObjectID +
				"' exceeded. Please try again after '" + seconds(wait) + "' seconds after additional tokens are available. Refer to https://aka.ms/arm-throttling for additional information."}
	}
	c.left = left
	if !ofNetwork(c.Path) {
		return nil
	}
	limit, i := throttle.NetworkReads, 0
	if q != reads {
		limit, i = throttle.NetworkWrites, 1
	}
	if _, wait := s.network[i].Take(s.now, limit); wait > 0 {
		return &Error{Status: http.StatusTooManyRequests, Code: "TooManyRequests", RetryAfter: wait,
			Message: "The request is throttled by the network resource provider. Please try again after '" + seconds(wait) + "' seconds."}
	}
	return nil
}

// ofNetwork reports whether the network resource provider gets the request.
func ofNetwork(path string) bool {
	const part = "/providers/microsoft.network/"
	for i := range len(path) - len(part) + 1 {
		if path[i] == '/' && strings.EqualFold(path[i:i+len(part)], part) {
			return true
		}
	}
	return false
}

func (s *Store) bucket(c *call, q quota) *throttle.Bucket {
	key := bucketKey{c.Principal.ObjectID, q}
	b := s.buckets[key]
	if b == nil {
		b = &throttle.Bucket{}
		s.buckets[key] = b
	}
	return b
}

var remainingHeaders = [...]string{"x-ms-ratelimit-remaining-subscription-reads",
	"x-ms-ratelimit-remaining-subscription-writes", "x-ms-ratelimit-remaining-subscription-deletes"}

// addRemaining tells what is left of the quota.
func (s *Store) addRemaining(c *call, r *Response) {
	q := quotaOf(c.Method)
	if c.Principal.Admin {
		c.left = int(subscriptionLimits[q].Size) - 1
	}
	r.set(remainingHeaders[q], strconv.Itoa(c.left))
}
