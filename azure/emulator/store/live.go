package store

import (
	"encoding/json"
	"fmt"
	"net/netip"

	"releve.dev/releve/azure/emulator/plane"
)

// The data plane's forms as JSON, for a snapshot that is taken while a change
// travels.

type savedNIC struct {
	NSG        string
	Forwarding bool
	Configs    []savedConfig
}

type savedConfig struct {
	Name   string
	Addr   netip.Addr
	Subnet string
	Public string
	ASGs   []string
}

type savedVNet struct {
	Space   []netip.Prefix
	Subnets []savedSubnet
}

type savedSubnet struct {
	Key, Name  string
	Prefix     netip.Prefix
	NSG, Table string
}

type savedNSG struct{ Inbound, Outbound []savedRule }

type savedRule struct {
	Name               string
	Priority           int
	Allow              bool
	Proto              uint8
	Src, Dst           []string
	SrcASG, DstASG     []string
	SrcPorts, DstPorts []plane.PortRange
}

type savedVM struct {
	NICs       []string
	Primary    string
	Identities []string
}

func saveLive(form any) (json.RawMessage, error) {
	switch f := form.(type) {
	case *nicForm:
		out := savedNIC{NSG: f.nsg, Forwarding: f.forwarding}
		for _, c := range f.configs {
			out.Configs = append(out.Configs, savedConfig{c.name, c.addr, c.subnet, c.public, c.asgs})
		}
		return json.Marshal(out)
	case *vnetForm:
		out := savedVNet{Space: f.space}
		for _, sub := range f.subnets {
			out.Subnets = append(out.Subnets, savedSubnet{sub.key, sub.name, sub.prefix, sub.nsg, sub.table})
		}
		return json.Marshal(out)
	case *nsgForm:
		return json.Marshal(savedNSG{saveRules(f.inbound), saveRules(f.outbound)})
	case *tableForm:
		return json.Marshal(f.routes)
	case *publicForm:
		return json.Marshal(f.addr)
	case *vmForm:
		return json.Marshal(savedVM{f.nics, f.primary, f.identities})
	}
	panic(fmt.Sprintf("store: no way to save a %T", form))
}

func saveRules(rules []ruleForm) []savedRule {
	var out []savedRule
	for _, r := range rules {
		out = append(out, savedRule{r.name, r.priority, r.allow, r.proto, r.src, r.dst, r.srcASG, r.dstASG, r.srcPorts, r.dstPorts})
	}
	return out
}

// restoreLive reads what saveLive wrote; like has the type.
func restoreLive(like any, raw json.RawMessage) (any, error) {
	switch like.(type) {
	case *nicForm:
		var in savedNIC
		err := json.Unmarshal(raw, &in)
		out := &nicForm{nsg: in.NSG, forwarding: in.Forwarding}
		for _, c := range in.Configs {
			out.configs = append(out.configs, ipConfig{c.Name, c.Addr, c.Subnet, c.Public, c.ASGs})
		}
		return out, err
	case *vnetForm:
		var in savedVNet
		err := json.Unmarshal(raw, &in)
		out := &vnetForm{space: in.Space}
		for _, sub := range in.Subnets {
			out.subnets = append(out.subnets, subnetForm{sub.Key, sub.Name, sub.Prefix, sub.NSG, sub.Table})
		}
		return out, err
	case *nsgForm:
		var in savedNSG
		err := json.Unmarshal(raw, &in)
		return &nsgForm{restoreRules(in.Inbound), restoreRules(in.Outbound)}, err
	case *tableForm:
		out := &tableForm{}
		err := json.Unmarshal(raw, &out.routes)
		return out, err
	case *publicForm:
		out := &publicForm{}
		err := json.Unmarshal(raw, &out.addr)
		return out, err
	case *vmForm:
		var in savedVM
		err := json.Unmarshal(raw, &in)
		return &vmForm{in.NICs, in.Primary, in.Identities}, err
	}
	panic(fmt.Sprintf("store: no way to restore a %T", like))
}

func restoreRules(rules []savedRule) []ruleForm {
	var out []ruleForm
	for _, r := range rules {
		out = append(out, ruleForm{r.Name, r.Priority, r.Allow, r.Proto, r.Src, r.Dst, r.SrcASG, r.DstASG, r.SrcPorts, r.DstPorts})
	}
	return out
}
