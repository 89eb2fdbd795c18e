package client

import (
	"encoding/json"
	"time"
)

// Site is an Azure site, as the manager has it.
type Site struct {
	ID              string    `json:"id"`
	Name            string    `json:"name"`
	Type            string    `json:"type" doc:"Always Azure vSocket"`
	Number          uint64    `json:"number" doc:"The site's at every witness; never given to another"`
	Generation      uint64    `json:"generation" doc:"Raised by each change of the settings; the ETag"`
	Created         time.Time `json:"created"`
	Changed         time.Time `json:"changed"`
	Native          Native    `json:"native" doc:"The Azure LAN subnet"`
	Networks        []Network `json:"networks" doc:"The routed ranges"`
	Primary         Socket    `json:"primary"`
	Secondary       *Socket   `json:"secondary,omitempty" doc:"Absent: there is none"`
	HA              *HA       `json:"ha,omitempty" doc:"Absent: high availability is off"`
	Tags            []string  `json:"tags,omitempty" example:"[\"azure\",\"europe\"]"`
	PoPs            []string  `json:"pops,omitempty" doc:"Names of the PoPs that it uses, best first; absent: all of the account, in the order of their adding"`
	CanAddSecondary bool      `json:"can_add_secondary" doc:"The primary was seen with version 11.0 or higher, and there is no secondary"`
}

// Native is a site's native range.
type Native struct {
	Subnet  string `json:"subnet" example:"10.0.1.0/24"`
	LocalIP string `json:"local_ip" example:"10.0.1.4" doc:"The primary's LAN IP, and the floating IP while high availability is on"`
}

// HA is a site's high-availability section.
type HA struct {
	FloatingIP  string     `json:"floating_ip" example:"10.0.1.6"`
	PrimaryIP   string     `json:"primary_ip" example:"10.0.1.4" doc:"Management IP: the LAN IP, which carries keepalives"`
	SecondaryIP string     `json:"secondary_ip" example:"10.0.1.5" doc:"Management IP: the LAN IP, which carries keepalives"`
	Settings    HASettings `json:"settings"`
}

// HASettings are what the pair shares besides; what is absent is left to the vSocket.
type HASettings struct {
	Keepalive string `json:"keepalive,omitempty" example:"50ms" doc:"Time between two keepalives"`
	Silent    string `json:"silent,omitempty" example:"200ms" doc:"Silence after which the peer counts as gone"`
	Lease     string `json:"lease,omitempty" example:"200ms" doc:"How long the active serves on the peer's word"`
	Confirm   string `json:"confirm,omitempty" example:"1s" doc:"How long a silence lasts on, until the standby claims at Azure"`
	Hold      string `json:"hold,omitempty" example:"10s" doc:"How long all must be well before the primary takes the role back"`
	Preempt   string `json:"preempt,omitempty" enum:"on,off" doc:"Whether it does"`
	Alone     string `json:"alone,omitempty" enum:"stay,stop" doc:"What the active does with neither peer nor Azure"`
	Third     string `json:"third,omitempty" enum:"witness,arm" doc:"Who grants the terms"`
}

// Network is a routed range.
type Network struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Subnet  string `json:"subnet" example:"10.2.0.0/16"`
	Gateway string `json:"gateway,omitempty" example:"10.0.1.9" doc:"A third-party appliance in the native range; absent: the Azure default router"`
}

// Socket is one of a site's two vSockets.
type Socket struct {
	Serial    string     `json:"serial" example:"RLV-7K2M-9QXC"`
	Role      string     `json:"role" enum:"primary,secondary"`
	State     string     `json:"state" enum:"new,assigned,registered,void" doc:"Where the serial number is in its life; void is for ever"`
	LANIP     string     `json:"lan_ip" example:"10.0.1.4"`
	Version   string     `json:"version,omitempty" example:"14.0" doc:"Absent: never seen"`
	Seen      *time.Time `json:"seen,omitempty" doc:"Absent: never"`
	Delivered uint64     `json:"delivered" doc:"The generation of the settings it has"`
	Applied   uint64     `json:"applied" doc:"The generation of the settings it acts on"`
	Problem   string     `json:"problem,omitempty" doc:"Why it doesn't act on what it has, or what of it isn't as it is here"`
	MGMTIP    string     `json:"mgmt_ip,omitempty" doc:"As it has told; absent: not yet"`
	KeyUntil  *time.Time `json:"key_until,omitempty" doc:"When its enrolment key ends; absent: it has none"`
}

// NewSite is what a site is made of.
type NewSite struct {
	Name    string   `json:"name" maxLength:"200"`
	Subnet  string   `json:"subnet" example:"10.0.1.0/24" doc:"The native range: the Azure LAN subnet"`
	LocalIP string   `json:"local_ip" example:"10.0.1.4" doc:"The primary's LAN IP"`
	Tags    []string `json:"tags,omitempty" maxItems:"20" doc:"Words by which sites are found: letters, digits, and - . :"`
}

// SiteChange is what can be changed of a site itself; what is absent stays.
type SiteChange struct {
	Name *string   `json:"name,omitempty" maxLength:"200"`
	PoPs *[]string `json:"pops,omitempty" maxItems:"50" doc:"Names or ids, best first; empty: all of the account, in the order of their adding"`
	Tags *[]string `json:"tags,omitempty" maxItems:"20" doc:"All that it is to have: letters, digits, and - . :; empty: none"`
}

// NewSecondary is what adding a secondary asks for.
type NewSecondary struct {
	LANIP      string `json:"lan_ip" example:"10.0.1.5" doc:"The secondary's LAN IP, also its management IP"`
	FloatingIP string `json:"floating_ip" example:"10.0.1.6"`
}

// HAChange changes the high-availability section; what is absent stays.
type HAChange struct {
	FloatingIP  string `json:"floating_ip,omitempty" doc:"Is also the native range's local IP"`
	PrimaryIP   string `json:"primary_ip,omitempty"`
	SecondaryIP string `json:"secondary_ip,omitempty"`

	Keepalive *string `json:"keepalive,omitempty" example:"50ms" doc:"10ms to 1s; empty, as all that follows: left to the vSocket"`
	Silent    *string `json:"silent,omitempty" example:"200ms" doc:"30ms to 3s, at least 3 keepalives"`
	Lease     *string `json:"lease,omitempty" example:"200ms" doc:"At least 3 keepalives, at most 3s"`
	Confirm   *string `json:"confirm,omitempty" example:"1s" doc:"1ms to 1m"`
	Hold      *string `json:"hold,omitempty" example:"10s" doc:"1ms to 1h"`
	Preempt   *string `json:"preempt,omitempty" doc:"on or off"`
	Alone     *string `json:"alone,omitempty" doc:"stay or stop"`
	Third     *string `json:"third,omitempty" doc:"witness or arm"`
}

// NativeChange changes the native range; what is absent stays.
type NativeChange struct {
	Subnet      string `json:"subnet,omitempty"`
	LocalIP     string `json:"local_ip,omitempty" doc:"Is also the floating IP while high availability is on"`
	PrimaryIP   string `json:"primary_ip,omitempty" doc:"With a new subnet: the primary's LAN IP in it"`
	SecondaryIP string `json:"secondary_ip,omitempty" doc:"With a new subnet: the secondary's LAN IP in it"`
}

// NewNetwork is a routed range to add, or to be put in another's place.
type NewNetwork struct {
	Name    string `json:"name" maxLength:"200"`
	Subnet  string `json:"subnet" example:"10.2.0.0/16"`
	Gateway string `json:"gateway,omitempty" doc:"A third-party appliance in the native range; absent: the Azure default router"`
}

// EnrolKey is printed once and not kept.
type EnrolKey struct {
	Serial string `json:"serial"`
	Key    string `json:"key" doc:"What the vSocket enrols with: good once, for 24 hours"`
}

// AuditRow is one change.
type AuditRow struct {
	ID     string    `json:"id"`
	At     time.Time `json:"at"`
	Actor  string    `json:"actor" doc:"user:ID, token:ID, device:SERIAL, provider:ISSUER or system"`
	Action string    `json:"action"`
	Target string    `json:"target" doc:"The id of what was changed"`
	// The two names are as they are now.
	ActorName  string          `json:"actor_name,omitempty" doc:"Absent: it has none, or is gone"`
	TargetName string          `json:"target_name,omitempty" doc:"Absent: it has none, or is gone"`
	Before     json.RawMessage `json:"before,omitempty"`
	After      json.RawMessage `json:"after,omitempty"`
	Request    string          `json:"request,omitempty" doc:"The id of the request"`
}

// Page is a part of a list; Next asks for the part after it.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty" doc:"The cursor of the next part; absent: this was the last"`
}

// Login is a name and its password.
type Login struct {
	Name     string `json:"name" maxLength:"100"`
	Password string `json:"password" maxLength:"1024"`
}

// Redeem sets a password by a one-time code.
type Redeem struct {
	Code     string `json:"code" maxLength:"100"`
	Password string `json:"password" maxLength:"1024" doc:"The new password, of 12 characters at least"`
}

// Password is one's own, given once more or anew.
type Password struct {
	Password string `json:"password" maxLength:"1024"`
}

// Me is who the manager takes the caller for.
type Me struct {
	Person  string   `json:"person"`
	Name    string   `json:"name"`
	Account string   `json:"account"`
	Role    string   `json:"role" enum:"viewer,editor,owner,auditor"`
	May     []string `json:"may" doc:"The actions that are allowed to this session or token"`
}

// Account is one's own.
type Account struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Created   time.Time `json:"created"`
	EventDays int       `json:"event_days" doc:"For how long events are kept"`
	Figures   []Kept    `json:"figures" doc:"For how long figures over time are kept, the finest first"`
}

// Kept is for how long figures of a width are.
type Kept struct {
	Span string `json:"span" example:"5m0s" doc:"What one figure is of"`
	Days int    `json:"days"`
}

// Person is one of the account's people.
type Person struct {
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	Role     string     `json:"role" enum:"viewer,editor,owner,auditor"`
	Disabled bool       `json:"disabled"`
	Invited  bool       `json:"invited" doc:"Has set no password yet"`
	Created  time.Time  `json:"created"`
	SignedIn *time.Time `json:"signed_in,omitempty" doc:"The last time; absent: never"`
}

// NewPerson is a person to add.
type NewPerson struct {
	Name string `json:"name" maxLength:"100"`
	Role string `json:"role" enum:"viewer,editor,owner,auditor"`
}

// PersonChange replaces a person's role and whether they may log in.
type PersonChange struct {
	Role     string `json:"role" enum:"viewer,editor,owner,auditor"`
	Disabled bool   `json:"disabled"`
}

// Code is shown once: with it its person sets a password.
type Code struct {
	Person Person `json:"person"`
	Code   string `json:"code"`
}

// Token is one of one's own.
type Token struct {
	ID      string     `json:"id"`
	Name    string     `json:"name"`
	Scopes  []string   `json:"scopes"`
	Created time.Time  `json:"created"`
	Expires time.Time  `json:"expires"`
	Used    *time.Time `json:"used,omitempty" doc:"The last time, to the minute; absent: never"`
}

// NewToken is a token to make.
type NewToken struct {
	Name   string   `json:"name" maxLength:"100"`
	Scopes []string `json:"scopes" maxItems:"50" doc:"Actions, of those that the maker may do"`
	Days   int      `json:"days,omitempty" minimum:"1" maximum:"366" doc:"How long it lives; absent: 90"`
}

// MadeToken has the secret, which is shown once.
type MadeToken struct {
	Token  Token  `json:"token"`
	Secret string `json:"secret"`
}

// Problem is a refusal (RFC 9457).
type Problem struct {
	Type    string  `json:"type" doc:"Always about:blank; kind tells programs what is the matter"`
	Title   string  `json:"title"`
	Status  int     `json:"status"`
	Detail  string  `json:"detail" doc:"What is wrong, for a person"`
	Kind    string  `json:"kind" doc:"What is wrong, for a program: invalid, absent, taken, not-now, stale, missing, …"`
	Field   string  `json:"field,omitempty" doc:"Which input"`
	Remedy  string  `json:"remedy,omitempty" doc:"What to do"`
	Faults  []Fault `json:"faults,omitempty" doc:"All that is wrong with the input"`
	Request string  `json:"request,omitempty" doc:"The request's id, which the log and the audit log have too"`
}

// Fault is one thing wrong with an input.
type Fault struct {
	Field   string `json:"field,omitempty"`
	Rule    string `json:"rule,omitempty"`
	Message string `json:"message"`
}

// Event is one thing that has happened.
type Event struct {
	ID         string     `json:"id" doc:"Serial number, boot and number: the same for ever"`
	Arrival    int64      `json:"arrival" doc:"Where a follower goes on"`
	Time       time.Time  `json:"time"`
	Since      *time.Time `json:"since,omitempty" doc:"When what it tells of began"`
	Kind       string     `json:"kind"`
	Type       string     `json:"type" example:"Connectivity"`
	SubType    string     `json:"sub_type" example:"Socket Fail-Over"`
	Site       string     `json:"site" doc:"The site's id"`
	Role       string     `json:"role" doc:"The vSocket's: primary or secondary"`
	Serial     string     `json:"serial"`
	PeerSerial string     `json:"peer_serial,omitempty"`
	Version    string     `json:"version"`
	OldVersion string     `json:"old_version,omitempty"`
	Interface  string     `json:"interface,omitempty"`
	PoP        string     `json:"pop,omitempty"`
	Reason     string     `json:"reason,omitempty"`
	Message    string     `json:"message"`
	Timeline   string     `json:"timeline,omitempty" doc:"The site and term in which it was"`
}

// EventFilter says which events are wanted; what is empty is any.
type EventFilter struct {
	Site   string   `query:"site" maxLength:"64" doc:"The site's id"`
	Kinds  []string `query:"kind" maxItems:"50" doc:"Kinds, separated by commas"`
	Role   string   `query:"role" enum:"primary,secondary"`
	Serial string   `query:"serial" maxLength:"64"`
	From   string   `query:"from" maxLength:"40" doc:"Not before (RFC 3339)"`
	Until  string   `query:"until" maxLength:"40" doc:"Before (RFC 3339)"`
	Text   string   `query:"text" maxLength:"200" doc:"Words, each of which is in the event"`
}

// Status is a site's, as its vSockets report it to this manager.
type Status struct {
	Site      string        `json:"site"`
	Type      string        `json:"type"`
	Summary   string        `json:"summary" doc:"One sentence for people"`
	Connected bool          `json:"connected"`
	HA        *HAStatus     `json:"ha,omitempty" doc:"Absent: the site has no high availability"`
	Master    string        `json:"master" enum:"none,primary,secondary,both"`
	Primary   SocketStatus  `json:"primary"`
	Secondary *SocketStatus `json:"secondary,omitempty"`
}

// HAStatus is ready only while every indicator is OK.
type HAStatus struct {
	Ready      bool        `json:"ready"`
	Since      time.Time   `json:"since" doc:"It is known to be so"`
	Indicators []Indicator `json:"indicators"`
}

// Indicator is one condition of readiness.
type Indicator struct {
	Name   string    `json:"name"`
	OK     bool      `json:"ok"`
	Reason string    `json:"reason,omitempty"`
	Since  time.Time `json:"since" doc:"It is known to be so"`
}

// SocketStatus is one vSocket's.
type SocketStatus struct {
	Serial     string     `json:"serial"`
	Connection string     `json:"connection" enum:"new,connected,disconnected,heard"`
	Reason     string     `json:"reason,omitempty" doc:"Why it isn't connected"`
	Heard      *time.Time `json:"heard,omitempty" doc:"Absent: never"`
	Version    string     `json:"version,omitempty"`
	Role       string     `json:"role" doc:"What it does now: active, standby, …"`
	Master     bool       `json:"master"`
	PoP        string     `json:"pop,omitempty"`
}
