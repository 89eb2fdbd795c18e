package plan

import (
	"fmt"
	"strings"

	"releve.dev/releve/doctor"
	"releve.dev/releve/setup/document"
	"releve.dev/releve/setup/guest"
)

// ExtensionID is that of a VM's custom-script extension.
func ExtensionID(vm string) string { return vm + "/extensions/" + Extension }

// settings is what the extension merges into a member's file (D6), in YAML.
// client and key stand where they belong; the digest is made without them. No key:
// the member has it already, and a merge keeps it. The generation grows by itself.
func settings(f *doctor.Facts, w *Wanted, side int, client, key string) string {
	own, peer := &f.Members[side], &f.Members[1-side]
	var text strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&text, format+"\n", args...) }
	name := func(id string) (group, name string) {
		parsed, err := document.ParseID(id)
		if err != nil {
			return "", ""
		}
		return parsed.Group, parsed.Name()
	}
	line("azure:")
	line("  endpoint: %q", f.Wanted.Endpoint)
	if f.Wanted.Authorities != "" {
		line("  ca_file: %q", guest.CAFile)
	}
	line("  client_id: %q", client)
	line("  subscription: %q", f.Wanted.Subscription)
	line("  location: %q", own.VM.Location)
	for _, ref := range [...]struct{ key, id string }{{"nic", own.LAN.ID}, {"peer_nic", peer.LAN.ID}, {"peer_vm", peer.VM.ID}} {
		group, called := name(ref.id)
		line("  %s: {resource_group: %q, name: %q}", ref.key, group, called)
	}
	subnet, err := document.ParseID(own.LAN.Primary().Subnet)
	if err == nil && len(subnet.Names) == 2 {
		line("  subnet: {resource_group: %q, vnet: %q, name: %q}", subnet.Group, subnet.Names[0], subnet.Names[1])
	}
	if w.Managed {
		return text.String() // the manager gives the section ha
	}
	line("ha:")
	line("  peer: {lan: %q, mgmt: %q}", peer.LAN.Primary().Addr, peer.MGMT.Primary().Addr)
	line("  floating_ip: %q", f.Wanted.FloatingIP)
	if key != "" {
		line("  key: %q", key)
	}
	return text.String()
}

// settingsSteps give both members their settings. What an extension was given is
// never shown again, so its tags say it: a digest, and which key. A new key is
// made only if the two don't have the same one, for both: a pair that has one goes
// on with it, whatever else changes.
func settingsSteps(f *doctor.Facts, w *Wanted) []Step {
	key, keyID := "", "none"
	if !w.Managed {
		if keyID = commonKey(f); keyID == "" {
			key, keyID = w.Key, digest(w.Key)
		}
	}
	// The first ones go to the primary first: it serves, and alone in the pair it takes
	// the term and goes on (E2). Were the secondary first, it would have the term by then,
	// and the primary would stop while routes still lead to its own address.
	order := [...]int{1, 0}
	if extensionOf(&f.Members[0]) == nil {
		order = [...]int{0, 1}
	}
	var steps []Step
	for _, side := range order {
		m := &f.Members[side]
		sum := digest(settings(f, w, side, "", "") + f.Wanted.Authorities)
		steps = append(steps, Step{
			Name: "settings-" + m.Side.String(), ID: ExtensionID(m.VM.ID), Why: "the " + m.Side.String() + " has all that it needs at a failover (D6)",
			Change: func(is document.Document, k *Known) (document.Document, error) {
				sameKey := is.Text("tags", TagKey) == keyID
				given := sameKey && is.Text("tags", TagDigest) == sum
				if given && (k.ClientID == "" || strings.HasPrefix(is.Text("properties", "forceUpdateTag"), k.ClientID)) && !failed(is) {
					return is, nil
				}
				switch {
				case k.ClientID == "":
					return nil, ErrUnknown
				case !w.Managed && key == "" && keyID == digest(""):
					return nil, fmt.Errorf("the two vSockets don't have the same key\nhint: releve azure ha gives them one")
				case !w.Managed && key == "" && !sameKey:
					return nil, fmt.Errorf("%s isn't as it was read\nhint: run the command again", ExtensionID(m.VM.ID))
				}
				public, protected := guest.Script(settings(f, w, side, k.ClientID, key), f.Wanted.Authorities, sum, keyID)
				return extension(is, f, m, k.ClientID, sum, keyID, public, protected), nil
			},
		})
	}
	return steps
}

// commonKey is the id of the key that both members have, "" if they haven't.
func commonKey(f *doctor.Facts) string {
	var ids [2]string
	for side := range f.Members {
		if e := extensionOf(&f.Members[side]); e != nil && e.State != "Failed" {
			ids[side] = e.Tags[TagKey]
		}
	}
	if ids[0] != ids[1] || ids[0] == "none" {
		return ""
	}
	return ids[0]
}

func extensionOf(m *doctor.Member) *doctor.Extension {
	for i := range m.VM.Extensions {
		if strings.EqualFold(m.VM.Extensions[i].Name, Extension) {
			return &m.VM.Extensions[i]
		}
	}
	return nil
}

func failed(extension document.Document) bool {
	return extension.Text("properties", "provisioningState") == "Failed"
}

// extension is the custom-script extension with something to run. The handler
// runs again when its settings or forceUpdateTag change: after a failure it must.
func extension(is document.Document, f *doctor.Facts, m *doctor.Member, run, sum, keyID string, public, protected map[string]any) document.Document {
	shall := is.Clone()
	if shall == nil {
		shall = document.Document{"location": m.VM.Location}
		shall.Set(guest.Publisher, "properties", "publisher")
		shall.Set(guest.Type, "properties", "type")
		shall.Set(guest.Version, "properties", "typeHandlerVersion")
		shall.Set(true, "properties", "autoUpgradeMinorVersion")
	}
	if is.Text("properties", "forceUpdateTag") == run {
		run += " again"
	}
	shall.Set(SiteOf(f), "tags", TagSite)
	shall.Set(sum, "tags", TagDigest)
	shall.Set(keyID, "tags", TagKey)
	shall.Set(run, "properties", "forceUpdateTag")
	shall.Set(public, "properties", "settings")
	shall.Set(protected, "properties", "protectedSettings")
	return shall
}

// unsetStep takes the settings out of a member's file again, if anything was
// given there. Azure runs nothing in a VM that isn't running.
func unsetStep(f *doctor.Facts, m *doctor.Member) Step {
	const sum = "unset"
	return Step{
		Name: "unset-" + m.Side.String(), ID: ExtensionID(m.VM.ID), Why: "the " + m.Side.String() + " leaves the pair",
		Change: func(is document.Document, _ *Known) (document.Document, error) {
			if is == nil || !mine(is, SiteOf(f)) || is.Text("tags", TagDigest) == sum && !failed(is) {
				return is, nil
			}
			public, protected := guest.Unset("ha", "azure")
			return extension(is, f, m, sum, sum, "none", public, protected), nil
		},
	}
}

// removeExtension deletes the extension, if it is ours.
func removeExtension(f *doctor.Facts, m *doctor.Member) Step {
	return Step{
		Name: "extension-" + m.Side.String(), ID: ExtensionID(m.VM.ID), Why: "the " + m.Side.String() + " doesn't have the extension any more",
		Change: removeMine(f),
	}
}

// removeMine deletes what has the site's tag.
func removeMine(f *doctor.Facts) func(document.Document, *Known) (document.Document, error) {
	return func(is document.Document, _ *Known) (document.Document, error) {
		if mine(is, SiteOf(f)) {
			return nil, nil
		}
		return is, nil
	}
}
