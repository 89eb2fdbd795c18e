package steer

import "time"

// Op is what a request does.
type Op uint8

// The operations. There is no other: nothing is ever deleted.
const (
	Get Op = iota
	Put
)

func (o Op) String() string {
	if o == Put {
		return "PUT"
	}
	return "GET"
}

// Target is the resource of a request. azure/arm knows its address.
type Target uint8

// The targets. PeerVM is read with its instance view. A RouteTable is named by the
// request, and so is a Route, which is one entry of a table.
const (
	OwnNIC Target = iota
	PeerNIC
	PeerVM
	Network // the LAN's virtual network, with its subnets' route tables
	RouteTable
	Route
	Targets // how many there are
)

func (t Target) String() string {
	switch t {
	case OwnNIC:
		return "own NIC"
	case PeerNIC:
		return "peer NIC"
	case PeerVM:
		return "peer VM"
	case Network:
		return "virtual network"
	case RouteTable:
		return "route table"
	case Route:
		return "route"
	}
	return "target?"
}

// Request is one call to ARM. It is made once: a retry is a new decision.
type Request struct {
	ID      uint64
	Op      Op
	Target  Target
	Name    string // of a RouteTable or Route: its resource id
	Body    []byte // of a Put: the whole resource
	IfMatch string // of a Put: the ETag of the read that it rests on
	Timeout time.Duration
	Why     string // for the journal: "claim term 8", "add floating IP"
}

// Response is what became of a Request.
type Response struct {
	ID         uint64
	SentAt     time.Duration // the agent's clock when the request left; a lease counts from here
	Status     int           // HTTP status; 0 if none came
	Body       []byte
	Code       string // Azure's error code, "" on success; Unreachable, NoToken or BadAnswer if Status is 0
	Detail     string // code of the first detail, if any
	Message    string
	Action     string // of AuthorizationFailed and its kin: the action that was refused
	Scope      string // and on what
	RetryAfter time.Duration
}

// OK reports whether Azure accepted the request. An accepted Put isn't done.
func (r *Response) OK() bool { return r.Status >= 200 && r.Status < 300 }

// Codes of our own, for a request that got no answer from ARM.
const (
	Unreachable = "Unreachable" // no connection, or no answer in time
	NoToken     = "NoToken"     // IMDS gave no token
	BadAnswer   = "BadAnswer"   // not an answer that ARM gives
)
