package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"releve.dev/releve/doctor"
	"releve.dev/releve/setup/ask"
	"releve.dev/releve/setup/plan"
	"releve.dev/releve/site"
)

// deployKey is a question of deploy's, which is a flag and a key of the answers'
// file, too.
type deployKey struct {
	Key, short, Text string
}

// deployKeys in the order in which they are asked.
var deployKeys = []deployKey{
	{"role", "", "which of the site's two vSockets: primary or secondary"},
	{"site", "", "name of the site, at the manager if there is one"},
	{"resource-group", "g", "resource group of the VMs"},
	{"network-group", "", "resource group of the virtual network"},
	{"vnet", "", "virtual network"},
	{"primary", "", "VM of the primary, if this is the secondary"},
	{"name", "", "name of the VM"},
	{"mgmt-subnet", "", "subnet of the MGMT NIC"},
	{"wan-subnet", "", "subnet of the WAN NIC"},
	{"lan-subnet", "", "subnet of the LAN NIC"},
	{"mgmt-ip", "", "address of the MGMT NIC"},
	{"wan-ip", "", "address of the WAN NIC"},
	{"lan-ip", "", "address of the LAN NIC"},
	{"size", "", "VM size"},
	{"zone", "", "availability zone, or none"},
	{"availability-set", "", "availability set, made if it isn't there"},
	{"image", "", "image: a VHD's address, a name, an id, or a URN of the marketplace"},
	{"package", "", "address of the .deb, for a stock image"},
	{"package-sha256", "", "SHA-256 of the .deb, in hex"},
	{"admin-user", "", "user of the VM's administrator"},
	{"ssh-key", "", "SSH public key of the administrator, or its file"},
	{"probes", "", "Internet addresses that answer ping, by which the WAN is judged"},
	{"manager", "", "HOST:PORT of the manager, if you aren't logged in there"},
	{"enrol-key", "", "enrolment key of the vSocket, if you aren't logged in at the manager"},
}

// questions are one round of asking.
type questions struct {
	*deployment
	ctx     context.Context
	answers map[string]string
	network doctor.VNet
	pair    *plan.Machine
	failed  error // Azure's
}

// ask asks one, its text being the flag's.
func (q *questions) ask(question ask.Question) string {
	if q.failed != nil {
		return ""
	}
	i := slices.IndexFunc(deployKeys, func(k deployKey) bool { return k.Key == question.Key })
	question.Text = deployKeys[i].Text
	answer := q.talk.Ask(question)
	q.answers[question.Key] = answer
	return answer
}

// menu is a list from Azure as choices. One that can't be read ends the round.
func (q *questions) menu(names []string, err error) []ask.Choice {
	if err != nil && q.failed == nil {
		q.failed = err
	}
	choices := []ask.Choice{}
	for _, name := range names {
		choices = append(choices, ask.Choice{Value: name})
	}
	return choices
}

// only is the one choice that there is, as a default.
func only(choices []ask.Choice) string {
	if len(choices) == 1 {
		return choices[0].Value
	}
	return ""
}

// asked asks for all, menu by menu of what Azure has.
func (d *deployment) asked(ctx context.Context) error {
	q := &questions{deployment: d, ctx: ctx, answers: map[string]string{}}
	d.vsocket.Side = sideOf(q.ask(ask.Question{Key: "role", Default: "primary", Choices: []ask.Choice{{Value: "primary"}, {Value: "secondary"}}}))
	name := q.ask(ask.Question{Key: "site", Check: func(text string) error {
		if wrong := site.CheckName(text); wrong != "" {
			return errors.New(wrong)
		}
		return nil
	}})
	q.enrolment()
	if name != "" && q.failed == nil {
		q.failed = d.managed.find(ctx, d, name, q.answers)
	}
	q.place()
	if d.vsocket.Side == site.Secondary {
		q.primary()
	}
	q.ask(ask.Question{Key: "name", Default: machineName(name, d.vsocket.Side)})
	q.subnets()
	q.addresses()
	q.machine()
	q.image()
	if q.failed != nil {
		return q.failed
	}
	if err := d.talk.Err(); err != nil {
		return err
	}
	return d.fill(q.answers)
}

// enrolment is given by hand where nobody is logged in at the manager.
func (q *questions) enrolment() {
	for _, key := range []string{"manager", "enrol-key"} {
		if q.talk.Given[key] != "" {
			q.ask(ask.Question{Key: key})
		}
	}
}

// machineName is of letters, digits and hyphens: the source warns of spaces.
func machineName(name string, side site.Side) string {
	plain := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '-'
	}, name)
	if plain = strings.Trim(plain, "-"); plain == "" {
		plain = "vsocket"
	}
	return plain[:min(len(plain), 50)] + "-" + side.String()
}

func (q *questions) place() {
	groups := q.menu(q.reader.Groups(q.ctx))
	group := q.ask(ask.Question{Key: "resource-group", Default: only(groups), Choices: groups})
	other := q.ask(ask.Question{Key: "network-group", Default: group, Choices: groups})
	if group == "" || other == "" {
		return
	}
	networks := q.menu(q.reader.Networks(q.ctx, other))
	name := q.ask(ask.Question{Key: "vnet", Default: only(networks), Choices: networks})
	if name == "" || q.failed != nil {
		return
	}
	q.network, q.failed = q.reader.Network(q.ctx, other, name)
}

// primary finds the machine whose settings the secondary takes over (A6).
func (q *questions) primary() {
	if q.answers["resource-group"] == "" {
		return
	}
	machines, err := q.reader.Machines(q.ctx, q.answers["resource-group"])
	if err != nil {
		q.failed = err
		return
	}
	choices, first := []ask.Choice{}, ""
	for _, m := range machines {
		choices = append(choices, ask.Choice{Value: m.Name, Text: m.Size})
		if m.Deployed == site.Primary.String() && first == "" {
			first = m.Name
		}
	}
	name := q.ask(ask.Question{Key: "primary", Default: first, Choices: choices})
	if name == "" || q.failed != nil {
		return
	}
	q.deployment.pair = name
	q.pair, q.failed = q.reader.Machine(q.ctx, q.answers["resource-group"], name)
}

func (q *questions) subnets() {
	choices := []ask.Choice{}
	for _, s := range q.network.Subnets {
		choices = append(choices, ask.Choice{Value: s.Name, Text: s.Prefix.String()})
	}
	for _, nic := range plan.NICs {
		first := ""
		for _, s := range q.network.Subnets {
			switch {
			case q.pair != nil && doctor.SameID(q.pair.Subnets[nic], s.ID):
				first = s.Name
			case q.pair == nil && first == "" && strings.Contains(strings.ToLower(s.Name), nic):
				first = s.Name
			}
		}
		q.ask(ask.Question{Key: nic + "-subnet", Default: first, Choices: choices})
	}
}

// addresses default to those that the VM has, if it is there, to the manager's,
// and to the first that are free.
func (q *questions) addresses() {
	for _, nic := range plan.NICs {
		key := nic + "-ip"
		first := ""
		if q.talk.Given[key] == "" {
			first = q.address(nic)
		}
		q.ask(ask.Question{Key: key, Default: first, Check: func(text string) error {
			if _, err := netip.ParseAddr(text); err != nil {
				return fmt.Errorf("%q is no IP address", text)
			}
			return nil
		}})
	}
}

func (q *questions) address(nic string) string {
	i := slices.IndexFunc(q.network.Subnets, func(s doctor.Subnet) bool { return s.Name == q.answers[nic+"-subnet"] })
	if i < 0 || q.failed != nil {
		return ""
	}
	w := plan.VSocket{Name: q.answers["name"], Group: q.answers["resource-group"]}
	has, err := q.reader.Address(q.ctx, w.NICID(q.reader.Subscription, nic))
	if err == nil && !has.IsValid() {
		has = q.managed.lan
		if nic != plan.LAN || !has.IsValid() {
			has, err = q.reader.Free(q.ctx, q.network, q.network.Subnets[i])
		}
	}
	if err != nil {
		q.failed = err
		return ""
	}
	return has.String()
}

// usual is the size that most take: three NICs, up to 2 Gbps.
const usual = "Standard_D8ls_v5"

func (q *questions) machine() {
	if !q.network.Found {
		q.ask(ask.Question{Key: "size", Default: usual})
		return
	}
	sizes, zoned, err := q.reader.Sizes(q.ctx, q.network.Location)
	if err != nil {
		q.failed = err
		return
	}
	choices, first := []ask.Choice{}, ""
	if sizes == nil {
		first = usual
	}
	for _, s := range sizes {
		if s.NICs >= len(plan.NICs) {
			choices = append(choices, ask.Choice{Value: s.Name, Text: s.Cores + " vCPUs, zones " + strings.Join(s.Zones, ", ")})
		}
		if s.Name == usual {
			first = usual
		}
	}
	if q.pair != nil {
		first = q.pair.Size
	}
	q.ask(ask.Question{Key: "size", Default: first, Choices: choices, Free: true}) // the check words it better
	zones := []ask.Choice{{Value: "none"}}
	if zoned {
		zones = []ask.Choice{{Value: "1"}, {Value: "2"}, {Value: "3"}, {Value: "none"}}
	}
	set := q.talk.Given["availability-set"]
	zone := q.ask(ask.Question{Key: "zone", Default: q.zone(zoned, set), Choices: zones, Free: true})
	if zone == "none" || set != "" {
		q.ask(ask.Question{Key: "availability-set", Default: q.set(), Optional: true})
	}
}

// zone is another than the primary's; none where an availability set is wanted.
func (q *questions) zone(zoned bool, set string) string {
	switch {
	case set != "" || !zoned || q.pair != nil && len(q.pair.Zones) == 0:
		return "none"
	case q.pair != nil && q.pair.Zones[0] == "1":
		return "2"
	}
	return "1"
}

func (q *questions) set() string {
	if q.pair == nil || q.pair.Set == "" {
		return ""
	}
	return q.pair.Set[strings.LastIndexByte(q.pair.Set, '/')+1:]
}

func (q *questions) image() {
	var images []ask.Choice
	if group := q.answers["resource-group"]; group != "" {
		images = q.menu(q.reader.Images(q.ctx, group))
	}
	image := q.ask(ask.Question{Key: "image", Default: only(images), Choices: images, Free: true})
	if strings.Count(image, ":") == 3 || q.talk.Given["package"] != "" {
		q.ask(ask.Question{Key: "package"})
		q.ask(ask.Question{Key: "package-sha256"})
	}
	q.ask(ask.Question{Key: "admin-user", Default: "releve"})
	q.ask(ask.Question{Key: "ssh-key", Default: ownKey(), Check: func(text string) error {
		_, err := publicKey(text)
		return err
	}})
	q.ask(ask.Question{Key: "probes", Default: "1.1.1.1,8.8.8.8", Check: func(text string) error {
		for _, one := range strings.Split(text, ",") {
			if _, err := netip.ParseAddr(strings.TrimSpace(one)); err != nil {
				return fmt.Errorf("%q is no IP address", one)
			}
		}
		return nil
	}})
}

// ownKey is the file with the person's own SSH key, "" if there is none.
func ownKey() string {
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	for _, name := range []string{"id_ed25519.pub", "id_rsa.pub"} {
		if path := filepath.Join(home, ".ssh", name); exists(path) {
			return path
		}
	}
	return ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
