package store

import (
	"container/heap"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/azure/emulator/tree"
)

// Operation is the life of one accepted write, for the lab's figures. Instants
// are the caller's clock; one that has not come is zero.
type Operation struct {
	ID       string        `json:"id"`
	Resource string        `json:"resource"` // id as displayed
	Name     string        `json:"name"`     // what Azure calls it, "PutNicOperation"
	Client   string        `json:"client"`
	Accepted time.Duration `json:"accepted"`
	Removed  time.Duration `json:"removed,omitempty"` // the data plane stopped delivering what was taken away
	Applied  time.Duration `json:"applied,omitempty"` // the data plane is as written
	Done     time.Duration `json:"done,omitempty"`    // the control plane ended it
	Status   string        `json:"status"`            // InProgress, Succeeded, Failed, Canceled
	Code     string        `json:"code,omitempty"`
	Added    []netip.Addr  `json:"added,omitempty"`   // of a NIC: addresses that the write brought
	Dropped  []netip.Addr  `json:"dropped,omitempty"` // and those that it took away
}

// The states of an operation, as its status URL shows them.
const (
	inProgress = "InProgress"
	succeeded  = "Succeeded"
	failed     = "Failed"
	canceled   = "Canceled"
)

type operation struct {
	Operation
	key     string // of the resource
	delete  bool
	failure *Error // what it will end with
	end     time.Duration
	due     [3]time.Duration // of each step
	passed  step             // how many steps have happened
	power   Power            // of a VM, once it has succeeded
	waits   bool             // for the guest: a boot, or script
	script  *Script          // that a guest runs
	told    bool             // script has been told to the guest's host
	result  tree.Object      // what a POST answers in the end
}

// step is one of the things that happen to an operation, in this order.
type step uint8

const (
	stepRemove step = iota
	stepApply
	stepDone
	steps
)

// event is a step that falls due. A step of an operation that has ended
// meanwhile has no effect.
type event struct {
	at  time.Duration
	seq uint64
	op  *operation
	do  step
}

type eventQueue []event

func (q eventQueue) Len() int { return len(q) }
func (q eventQueue) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].seq < q[j].seq
}
func (q eventQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push and Pop are heap.Interface's.
func (q *eventQueue) Push(e any) { *q = append(*q, e.(event)) }

// Pop is heap.Interface's.
func (q *eventQueue) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	*q = (*q)[:last]
	return e
}

// start begins the operation of a write that was just accepted: it supersedes
// one that is under way, and draws when which step happens.
func (s *Store) start(c *call, r *resource, name string, class profile.Class) {
	s.begin(c, r, name, class, false)
}

func (s *Store) begin(c *call, r *resource, name string, class profile.Class, remove bool) *operation {
	if r.op != nil {
		s.supersede(r.op, name)
	}
	drawn := s.opt.Profile.Draw(class, s.delays)
	op := &operation{key: r.key, delete: remove, Operation: Operation{
		ID: s.guid(), Resource: r.id, Name: name, Client: c.Principal.who(), Accepted: s.now, Status: inProgress,
	}}
	if !c.direct {
		op.failure = s.faultOfOperation(c)
	}
	if r.kind == nicKind {
		s.nicStarted(r, op)
	}
	if r.kind.begun != nil {
		r.kind.begun(s, c, r, op)
	}
	op.due = [3]time.Duration{s.now + drawn.Remove, s.now + drawn.Add, s.now + drawn.Control}
	op.end = op.due[stepDone]
	r.op = op
	if drawn.Control == 0 && !op.waits {
		for do := range steps {
			s.step(op, do)
		}
		return op
	}
	r.state = "Updating"
	if remove {
		r.state = "Deleting"
	}
	s.logOperation(op)
	for do, at := range op.due {
		s.schedule(op, step(do), at)
	}
	return op
}

func (s *Store) schedule(op *operation, do step, at time.Duration) {
	s.eventSeq++
	heap.Push(&s.events, event{at: at, seq: s.eventSeq, op: op, do: do})
}

func (s *Store) logOperation(op *operation) {
	s.running[op.ID] = op
	s.log = append(s.log, op)
	if len(s.log) > 2*s.opt.KeptOperation {
		old := s.log[:len(s.log)-s.opt.KeptOperation]
		for _, o := range old {
			if o.Status != inProgress {
				delete(s.running, o.ID)
			}
		}
		s.log = append([]*operation(nil), s.log[len(old):]...)
	}
}

// Next is the instant of the next thing that happens by itself.
func (s *Store) Next() (time.Duration, bool) {
	if len(s.events) == 0 {
		return 0, false
	}
	return s.events[0].at, true
}

// Advance lets happen what is due at the instant now, in order. An instant
// before the last one counts as the last one.
func (s *Store) Advance(now time.Duration) {
	for len(s.events) > 0 && s.events[0].at <= now {
		e := heap.Pop(&s.events).(event)
		s.now = max(s.now, e.at)
		s.step(e.op, e.do)
	}
	s.now = max(s.now, now)
	s.expireFaults()
}

// step lets one step of an operation happen.
func (s *Store) step(op *operation, do step) {
	if op.key == "" { // a look at something, which changes nothing
		s.looked(op, do)
		return
	}
	r := s.byKey[op.key]
	if op.Status != inProgress || r == nil || r.op != op {
		return
	}
	if do == stepDone && op.waits {
		return // guestDone ends it
	}
	op.passed = do + 1
	switch {
	case do == stepDone:
		s.end(r, op)
	case op.failure != nil:
		return
	case do == stepRemove:
		op.Removed = s.now
		s.withdraw(r, op)
	case do == stepApply:
		op.Applied = s.now
		if !op.delete {
			s.apply(r)
		}
	}
}

// looked ends an operation that only looks.
func (s *Store) looked(op *operation, do step) {
	if do == stepDone && op.Status == inProgress {
		op.Status, op.Done, op.passed = succeeded, s.now, steps
	}
}

// look begins an operation that shows result in the end and changes nothing.
func (s *Store) look(c *call, r *resource, name string, class profile.Class, result tree.Object) Response {
	drawn := s.opt.Profile.Draw(class, s.delays)
	op := &operation{result: result, Operation: Operation{ID: s.guid(), Resource: r.id, Name: name, Client: c.Principal.who(), Accepted: s.now, Status: inProgress}}
	op.due = [3]time.Duration{s.now, s.now, s.now + drawn.Control}
	op.end = op.due[stepDone]
	s.logOperation(op)
	s.schedule(op, stepDone, op.end)
	answer := Response{Status: http.StatusAccepted}
	answer.set("Azure-AsyncOperation", s.operationURL(c, r, op, "operations"))
	answer.set("Location", s.operationURL(c, r, op, "operationResults"))
	answer.set("Retry-After", seconds(s.opt.Profile.RetryAfter))
	return answer
}

// withdraw stops the data plane's delivery of what a write takes away, ahead
// of the rest.
func (s *Store) withdraw(r *resource, op *operation) {
	if r.kind == nicKind {
		s.nicWithdraw(r, op.delete)
	}
}

// apply makes the data plane what the control plane wants.
func (s *Store) apply(r *resource) {
	if r.form != nil {
		r.live = r.form
		s.planeStale = true
	}
}

func (s *Store) end(r *resource, op *operation) {
	op.Done = s.now
	r.op = nil
	if op.failure != nil {
		op.Status, op.Code = failed, op.failure.Code
		r.state = failed
		s.changed()
		return
	}
	op.Status = succeeded
	if op.delete {
		s.vanish(r)
		return
	}
	r.state = succeeded
	if op.power != "" {
		s.SetPower(r.id, op.power)
	}
	if r.kind.class == profile.Immediate && !r.kind.tracked {
		r.state = ""
	}
	if s.opt.Switches.EtagAtEnd && r.kind.etag {
		r.etag = s.newEtag()
	}
	if r.kind == nicKind {
		s.nicSettled(r)
	}
	s.changed()
}

// SetState makes a resource's provisioningState what a failure of the platform
// would, "Failed" above all, until the next write. It reports whether there is
// such a resource.
func (s *Store) SetState(id, state string) bool {
	r := s.byKey[strings.ToLower(id)]
	if r == nil || r.op != nil {
		return false
	}
	r.state = state
	s.changed()
	return true
}

// supersede ends an operation because a later write took its place.
func (s *Store) supersede(op *operation, by string) {
	op.Status, op.Done, op.Code = canceled, s.now, canceled
	op.failure = &Error{Code: canceled, Message: "Operation was canceled.", Details: []Detail{{
		"CanceledAndSupersededDueToAnotherOperation",
		fmt.Sprintf("Operation %s (%s) was canceled and superseded by operation %s.", op.Name, op.ID, by),
	}}}
}

// busy is the answer to a write during another one of the same resource.
func (s *Store) busy(r *resource) *Error {
	wait := max(r.op.end-s.now, time.Second)
	return retryable("RetryableErrorDueToAnotherOperation", fmt.Sprintf(
		"Operation %s (%s) is updating resource %s. The call can be retried in %s seconds.",
		r.op.Name, r.op.ID, r.id, seconds(wait)), wait)
}

// addAsync tells the caller where to follow the operation.
func (s *Store) addAsync(c *call, answer *Response, r *resource) {
	if r.op == nil {
		return
	}
	answer.set("Azure-AsyncOperation", s.operationURL(c, r, r.op, "operations"))
	answer.set("Azure-AsyncNotification", "Enabled")
	answer.set("Retry-After", seconds(s.opt.Profile.RetryAfter))
	if s.opt.Switches.SucceededAtOnce && !r.op.delete {
		o := tree.Shallow(s.viewOf(r))
		properties := tree.Shallow(tree.Sub(o, "properties"))
		properties["provisioningState"] = succeeded
		o["properties"] = properties
		answer.Body = tree.Render(o)
	}
}

func (s *Store) operationURL(c *call, r *resource, op *operation, what string) string {
	namespace, _, _ := strings.Cut(r.kind.name, "/")
	location := normalLocation(tree.Text(r.doc, "location"))
	if location == "" {
		location = s.opt.Location
	}
	return fmt.Sprintf("%s/subscriptions/%s/providers/%s/locations/%s/%s/%s?api-version=%s",
		c.Base, s.opt.Subscription, namespace, location, what, op.ID, c.target.apiVersion)
}

// Operations lists the accepted writes that took time, oldest first.
func (s *Store) Operations() []Operation {
	out := make([]Operation, len(s.log))
	for i, op := range s.log {
		out[i] = op.Operation
	}
	return out
}

var (
	networkOperationKind = new(kind)
	computeOperationKind = new(kind)
	networkResultKind    = new(kind)
	computeResultKind    = new(kind)
)

func init() {
	register(networkOperationKind, kind{name: "Microsoft.Network/locations/operations", serve: (*Store).serveOperation})
	register(computeOperationKind, kind{name: "Microsoft.Compute/locations/operations", serve: (*Store).serveOperation})
	register(networkResultKind, kind{name: "Microsoft.Network/locations/operationResults", serve: (*Store).serveResult})
	register(computeResultKind, kind{name: "Microsoft.Compute/locations/operationResults", serve: (*Store).serveResult})
}

func (s *Store) serveOperation(c *call) Response {
	op := s.running[c.target.name]
	if op == nil || c.Method != http.MethodGet {
		return notFound("OperationNotFound", "The operation '%s' could not be found.", c.target.name).response()
	}
	body := tree.Object{"status": op.Status}
	if strings.HasPrefix(c.target.typKey, "microsoft.compute") {
		body["name"] = op.ID
	}
	switch {
	case op.Status == inProgress:
	case op.failure != nil:
		body["error"] = op.failure.object()
	case op.result != nil:
		body["properties"] = tree.Object{"output": op.result}
	}
	answer := Response{Status: http.StatusOK, Body: tree.Render(body)}
	if op.Status == inProgress {
		answer.set("Retry-After", seconds(s.opt.Profile.RetryAfter))
	}
	return answer
}

// object is the error as an operation's status shows it.
func (e *Error) object() tree.Object {
	details := []any{}
	for _, d := range e.Details {
		details = append(details, tree.Object{"code": d.Code, "message": d.Message})
	}
	return tree.Object{"code": e.Code, "message": e.Message, "details": details}
}

// serveResult is the Location of a DELETE or POST: 202 while it runs.
func (s *Store) serveResult(c *call) Response {
	op := s.running[c.target.name]
	switch {
	case op == nil:
		return notFound("OperationNotFound", "The operation '%s' could not be found.", c.target.name).response()
	case op.Status == inProgress:
		answer := Response{Status: http.StatusAccepted}
		answer.set("Location", c.Base+c.Path)
		answer.set("Retry-After", seconds(s.opt.Profile.RetryAfter))
		return answer
	case op.Status != succeeded:
		e := *op.failure
		e.Status = http.StatusConflict
		return e.response()
	}
	if op.result != nil {
		return Response{Status: http.StatusOK, Body: tree.Render(op.result)}
	}
	return Response{Status: http.StatusNoContent}
}
