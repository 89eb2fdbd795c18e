package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"releve.dev/releve/setup/account"
	"releve.dev/releve/setup/ask"
	"releve.dev/releve/setup/guest"
	"releve.dev/releve/setup/plan"
	"releve.dev/releve/setup/premises"
	"releve.dev/releve/site"
	"releve.dev/releve/terminal"
)

// deployment is what the user asked of `releve azure deploy`.
type deployment struct {
	account azureAccount
	run     azureRun

	answers, save            string
	noNSG, unmanaged, noWait bool

	talk     ask.Talk
	reader   *premises.Reader
	vsocket  plan.VSocket
	pair     string // the primary's name, for a secondary
	guest    guest.VM
	managed  managedSocket
	premises *plan.Premises
}

func deployCommand() *cobra.Command {
	var d deployment
	cmd := &cobra.Command{
		Use:   "deploy",
		Short: "Deploy a vSocket: a VM with its three NICs, from a VHD or an image",
		Long: `Deploy a vSocket: a VM with its MGMT, WAN and LAN NICs, public addresses, and
network security groups on subnets that have none. What isn't given by flags or
--answers is asked for at a terminal; without one, all that is missing is listed.
All is checked before the first change. The same command again goes on after a
failure, and changes nothing that is as it shall be.

With --site the manager, where you are logged in (releve login), gives the serial
number and the enrolment key. Without a manager give --unmanaged.

--image is a VHD's address, an image's name or id, or a URN of the marketplace
such as Debian:debian-13:13-gen2:latest, which wants --package as well.
` + signInHelp,
		Example: `  releve azure deploy
  releve azure deploy --site paris -g rg-paris --vnet vnet --zone 1 --image releve-vsocket --plan
  releve azure deploy --role secondary --primary paris-primary --answers paris.yaml --zone 2`,
		Args: terminal.Arguments(0, 0, "no arguments"),
		RunE: terminal.Interruptible(func(cmd *cobra.Command, _ []string) error { return d.do(cmd.Context(), cmd) }),
	}
	flags := cmd.Flags()
	for _, q := range deployKeys {
		flags.StringP(q.Key, q.short, "", q.Text)
	}
	flags.BoolVar(&d.noNSG, "no-nsg", false, "make no network security groups")
	flags.BoolVar(&d.unmanaged, "unmanaged", false, "the site has no manager")
	flags.BoolVar(&d.noWait, "no-wait", false, "don't wait until the vSocket has enrolled")
	flags.StringVar(&d.answers, "answers", "", "YAML file with answers; flags go before it")
	flags.StringVar(&d.save, "save-answers", "", "write the answers to this file, but for secrets")
	d.account.flags(cmd)
	d.run.flags(cmd)
	return cmd
}

func (d *deployment) do(ctx context.Context, cmd *cobra.Command) error {
	if err := d.given(cmd); err != nil {
		return err
	}
	client, subscription, err := d.account.open(ctx, cmd)
	if err != nil {
		return err
	}
	d.reader = readerOf(client, subscription.ID)
	if err := d.asked(ctx); err != nil {
		return err
	}
	if err := d.check(ctx); err != nil {
		return err
	}
	for _, u := range d.premises.Untold {
		fmt.Fprintf(cmd.ErrOrStderr(), "note: %s couldn't be asked: %s; Azure tells when it is made\n", u.What, u.Why)
	}
	if d.save != "" {
		if err := ask.SaveFile(d.save, d.talk.Answers(), "enrol-key"); err != nil {
			return err
		}
	}
	d.run.before = d.userData
	if err := d.run.run(ctx, cmd, client, plan.Deploy(&d.vsocket, d.premises), &plan.Known{}, nil); err != nil || d.run.plan {
		return err
	}
	if err := d.enrolled(ctx, cmd); err != nil {
		return err
	}
	d.tellPages(cmd.OutOrStdout())
	return nil
}

// tellPages says where the vSocket's own pages are, and how one signs in for the first
// time: their password is in no user data (docs/vsocket.md).
func (d *deployment) tellPages(out io.Writer) {
	if d.run.json || d.premises.VM != nil {
		return
	}
	mgmt := d.vsocket.Addrs[plan.MGMT]
	fmt.Fprintf(out, "its own pages: https://%s\nto choose their password: ssh -t %s@%s sudo releve-vsocket web passwd\n", mgmt, d.vsocket.User, mgmt)
}

// given gathers flags and the answers' file.
func (d *deployment) given(cmd *cobra.Command) error {
	var keys []string
	for _, q := range deployKeys {
		keys = append(keys, q.Key)
	}
	d.talk.Given = map[string]string{}
	if d.answers != "" {
		answers, err := ask.ReadFile(d.answers, keys)
		if err != nil {
			return terminal.Usage(err)
		}
		d.talk.Given = answers
	}
	for _, key := range keys {
		if flag := cmd.Flags().Lookup(key); flag.Changed {
			d.talk.Given[key] = flag.Value.String()
		}
	}
	if terminal.Person(cmd.InOrStdin()) && !d.run.json {
		d.talk.Person = ask.NewTerminal(cmd.Context(), cmd.InOrStdin(), cmd.ErrOrStderr())
	}
	return nil
}

// check finds all that is wrong, before the first change.
func (d *deployment) check(ctx context.Context) error {
	var err error
	if d.premises, err = d.reader.Read(ctx, &d.vsocket, d.pair); err != nil {
		return err
	}
	wrong := plan.CheckDeploy(&d.vsocket, d.premises)
	if d.vsocket.Image.URN != nil && d.guest.Package == nil {
		wrong = append(wrong, errors.New("an image of the marketplace has no vSocket\nhint: give --package and --package-sha256, or an image that has it"))
	}
	if len(wrong) == 0 { // the addresses are good, so that only the rest is told
		if _, err := guest.CloudInit(d.vsocket.Guest(d.premises, d.guest)); err != nil {
			wrong = append(wrong, err)
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	lines := make([]string, len(wrong))
	for i, one := range wrong {
		lines[i] = "- " + strings.ReplaceAll(one.Error(), "\n", "\n  ")
	}
	return fmt.Errorf("nothing has changed, as %d things are in the way:\n%s", len(wrong), strings.Join(lines, "\n"))
}

// userData is made when it is decided that the VM is: the enrolment key in it is
// good for a day.
func (d *deployment) userData(ctx context.Context) error {
	if d.premises.VM != nil {
		return nil // it has its own
	}
	v := d.guest
	if err := d.managed.key(ctx, &v); err != nil {
		return err
	}
	text, err := guest.CloudInit(d.vsocket.Guest(d.premises, v))
	d.vsocket.UserData = text
	return err
}

// enrolled waits until the manager knows the vSocket.
func (d *deployment) enrolled(ctx context.Context, cmd *cobra.Command) error {
	if d.managed.client == nil || d.noWait {
		return nil
	}
	progress := newStepProgress(cmd.OutOrStdout(), d.run.json)
	defer progress.end()
	err := d.managed.await(account.WithProgress(ctx, progress))
	var overdue *account.OverdueError
	if errors.As(err, &overdue) {
		return fmt.Errorf("%w\nhint: look at the VM's boot diagnostics, and at /var/log/cloud-init-output.log on it", err)
	}
	if err == nil && !d.run.json {
		fmt.Fprintf(cmd.OutOrStdout(), "%s has enrolled\n", d.managed.serial)
	}
	return err
}

// fill puts what was answered together; the errors were told by the questions.
func (d *deployment) fill(answer map[string]string) error {
	w := &d.vsocket
	w.Name, w.Group, w.NetworkGroup, w.VNet = answer["name"], answer["resource-group"], answer["network-group"], answer["vnet"]
	w.Subnets, w.Addrs = map[string]string{}, map[string]netip.Addr{}
	for _, nic := range plan.NICs {
		w.Subnets[nic] = answer[nic+"-subnet"]
		w.Addrs[nic], _ = netip.ParseAddr(answer[nic+"-ip"]) // checked when it was asked
	}
	w.Size, w.Zone, w.Set, w.User, w.NoNSG = answer["size"], strings.TrimPrefix(answer["zone"], "none"), answer["availability-set"], answer["admin-user"], d.noNSG
	w.FloatingIP, w.Serial = d.managed.floating, d.managed.serial
	d.guest.Site = answer["site"]
	for _, text := range strings.Split(answer["probes"], ",") {
		addr, _ := netip.ParseAddr(strings.TrimSpace(text))
		d.guest.Probes = append(d.guest.Probes, addr)
	}
	if answer["package"] != "" {
		d.guest.Package = &guest.Package{URL: answer["package"], SHA256: answer["package-sha256"]}
	}
	if _, port, found := strings.Cut(d.managed.address, ":"); found {
		w.ManagerPort = port
	}
	var err error
	if w.Image, err = plan.ParseImage(d.reader.Subscription, w.Group, answer["image"]); err != nil {
		return err
	}
	w.SSHKey, err = publicKey(answer["ssh-key"])
	return err
}

// publicKey reads an SSH key: the text itself, or a file that has it.
func publicKey(text string) (string, error) {
	if !strings.HasPrefix(text, "ssh-") && !strings.HasPrefix(text, "ecdsa-") {
		data, err := os.ReadFile(text)
		if err != nil {
			return "", fmt.Errorf("reading the SSH key: %w\nhint: ssh-keygen -t ed25519 makes one", err)
		}
		text = strings.TrimSpace(string(data))
	}
	if kind, _, found := strings.Cut(text, " "); !found || kind != "ssh-rsa" && kind != "ssh-ed25519" {
		return "", errors.New("the SSH key is no public key that Azure takes\nhint: it begins with ssh-ed25519 or ssh-rsa; the file's name ends in .pub")
	}
	return text, nil
}

func sideOf(role string) site.Side {
	if role == site.Secondary.String() {
		return site.Secondary
	}
	return site.Primary
}

func readerOf(client *account.Client, subscription string) *premises.Reader {
	return &premises.Reader{ARM: client, Subscription: subscription}
}
