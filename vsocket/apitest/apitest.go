// Package apitest proves, step by step, that a vSocket could move the floating
// IP: that IMDS and ARM are reached, that the identity has what it needs, and
// that the NICs are set as they must be (requirements F5 to F7, C4).
//
// It writes one thing only: the unchanged body of its own LAN NIC, on the
// condition that nobody has changed it meanwhile (If-Match), never during a
// takeover; and reads afterwards whether anything differs.
package apitest

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"releve.dev/releve/azure/arm"
	"releve.dev/releve/azure/imds"
	"releve.dev/releve/core/steer"
	"releve.dev/releve/doctor"
)

// Config is what a test rests on.
type Config struct {
	Metadata *imds.Client
	ARM      *arm.Client

	LAN, PeerLAN netip.Addr // the vSockets' own LAN addresses
	Subnet       string     // resource id of the LAN subnet
	Endpoint     string     // of ARM, for messages
	ClientID     string     // of the identity, for messages; may be ""

	// Busy says why nothing may be written now, or "". It is asked right before
	// the write. Nil: nothing is under way.
	Busy func() string

	Pause time.Duration // between two looks at the write under way; 0 for 1 s
}

// Result of a step.
type Result string

// The results. A step is Skipped if one that it needs has failed, or if it may
// not run now; Unknown says that Azure didn't let us see, and fails nothing.
const (
	OK      Result = "ok"
	Failed  Result = "failed"
	Skipped Result = "skipped"
	Unknown Result = "unknown"
)

// Step is one step's outcome.
type Step struct {
	Name    string   `json:"name"`
	Result  Result   `json:"result"`
	Detail  string   `json:"detail"`            // what was seen
	Problem string   `json:"problem,omitempty"` // of a failure: which of the kinds below
	Hints   []string `json:"hints,omitempty"`   // what to do about it, in order
	MS      float64  `json:"ms"`
}

// The kinds of failure. The first two are the source's messages in substance
// (F6, F7).
const (
	ProblemAccess  = "cannot authenticate to the Azure API: check the settings of access control (IAM)"
	ProblemNIC     = "check the settings of the vSocket VMs' NICs"
	ProblemNetwork = "the Azure API cannot be reached: check routes, DNS and firewalls of the MGMT interface"
)

// The steps' names, in order.
const (
	StepMetadata    = "instance metadata"
	StepToken       = "token"
	StepOwnNIC      = "own NIC"
	StepPeerNIC     = "peer's NIC"
	StepPermissions = "permissions"
	StepRoutes      = "route tables"
	StepWrite       = "write own NIC unchanged"
	StepVerify      = "nothing changed"
)

const (
	readTimeout   = 15 * time.Second
	writeTimeout  = 60 * time.Second
	settleTimeout = 150 * time.Second // Azure may take 120 s (B4)
	defaultPause  = time.Second
)

// test is one run.
type test struct {
	Config
	emit    func(Step) error
	results map[string]Result

	own, peer *doctor.NIC // as read; nil if they weren't
	before    []byte      // what was written
}

// Run does the steps and gives each to emit as soon as it is done. It reports
// whether all of them were all right; the error is emit's or ctx's.
func Run(ctx context.Context, config Config, emit func(Step) error) (passed bool, err error) {
	if config.Pause <= 0 {
		config.Pause = defaultPause
	}
	t := &test{Config: config, emit: emit, results: map[string]Result{}}
	steps := []struct {
		name  string
		needs string
		run   func(context.Context) Step
	}{
		{StepMetadata, "", t.metadata},
		{StepToken, StepMetadata, t.token},
		{StepOwnNIC, StepToken, t.ownNIC},
		{StepPeerNIC, StepToken, t.peerNIC},
		{StepPermissions, StepToken, t.permissions},
		{StepRoutes, StepToken, t.routes},
		{StepWrite, StepOwnNIC, t.write},
		{StepVerify, StepWrite, t.verify},
	}
	passed = true
	for _, step := range steps {
		outcome := Step{Result: Skipped, Detail: fmt.Sprintf("not run, because of %q", step.needs)}
		start := time.Now()
		if step.needs == "" || t.results[step.needs] == OK {
			outcome = step.run(ctx)
		}
		if err := ctx.Err(); err != nil {
			return false, err
		}
		outcome.Name = step.name
		outcome.MS = float64(time.Since(start).Microseconds()) / 1000
		t.results[step.name] = outcome.Result
		passed = passed && (outcome.Result == OK || outcome.Result == Unknown)
		if err := emit(outcome); err != nil {
			return false, err
		}
	}
	return passed, nil
}

func (t *test) metadata(ctx context.Context) Step {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	if _, err := t.Metadata.Lists(ctx, t.LAN, t.LAN); err != nil {
		return t.metadataFailed(err)
	}
	return Step{Result: OK, Detail: fmt.Sprintf("this VM has a NIC with the LAN address %s", t.LAN)}
}

func (t *test) token(ctx context.Context) Step {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	token, err := t.Metadata.FetchToken(ctx)
	if err != nil {
		return t.metadataFailed(err)
	}
	detail := "valid until " + token.Expires.UTC().Format(time.RFC3339)
	if token.ClientID != "" {
		detail = "for the identity " + token.ClientID + ", " + detail
	}
	return Step{Result: OK, Detail: detail}
}

func (t *test) ownNIC(ctx context.Context) (step Step) {
	t.own, step = t.readNIC(ctx, steer.OwnNIC, t.LAN, "interfaces.lan.address")
	return step
}

func (t *test) peerNIC(ctx context.Context) (step Step) {
	t.peer, step = t.readNIC(ctx, steer.PeerNIC, t.PeerLAN, "ha.peer.lan")
	return step
}

// readNIC reads a NIC and checks what HA needs of it. setting names where its
// address comes from.
func (t *test) readNIC(ctx context.Context, target steer.Target, address netip.Addr, setting string) (*doctor.NIC, Step) {
	response := t.ARM.Do(ctx, steer.Request{Op: steer.Get, Target: target, Timeout: readTimeout})
	if !response.OK() {
		return nil, t.refused(response, t.ARM.ID(target))
	}
	nic, err := parseNIC(response.Body)
	if err != nil {
		return nil, Step{Result: Failed, Detail: err.Error(), Problem: ProblemNIC}
	}
	if faults := t.faults(nic, address, setting); len(faults) > 0 {
		step := Step{Result: Failed, Problem: ProblemNIC}
		var details []string
		for _, fault := range faults {
			details = append(details, fault.text)
			step.Hints = append(step.Hints, fault.hint)
		}
		step.Detail = strings.Join(details, "; ")
		return nic, step
	}
	return nic, Step{Result: OK, Detail: fmt.Sprintf("%s: %s", nic.Name, strings.Join(addresses(nic), ", "))}
}
