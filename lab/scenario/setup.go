package scenario

import (
	"fmt"
	"slices"
	"strings"

	"releve.dev/releve/client"
	"releve.dev/releve/lab/azuresite"
	"releve.dev/releve/lab/world"
	"releve.dev/releve/site"
)

// settingUp is an administrator who sets a site up in a bare lab, by the built
// `releve` alone.
type settingUp struct {
	*stage
	desk  *world.Desk
	watch *stopwatch
}

// sshKey is nobody's: the lab has no use for one, and Azure wants one.
const sshKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFqn3zaOMR+3VdadQPSGAtnp/DxG1OSxF7/erNODUIJI lab"

// setUp deploys both vSockets, sees them both Master (B7), and makes them a pair. With
// zones each has its own and is of an image with our package; else both are in an
// availability set (A5), and of a stock image that installs the package at its first
// boot.
func setUp(zones bool) func(*stage) error {
	return func(s *stage) (err error) {
		u := &settingUp{stage: s}
		if u.desk, err = s.w.NewDesk(s.ctx); err != nil {
			return err
		}
		if _, err := s.w.CreateSite(s.ctx); err != nil {
			return err
		}
		s.desk, u.watch = u.desk, startWatch(s)
		defer func() { s.ev.setUp = u.watch.stop() }()
		return steps(
			func() error { return u.deploy(site.Primary, zones) },
			func() error { return s.reports("the primary as Master", masterIs(world.Primary)) },
			func() error { return s.w.PairUp(s.ctx) },
			func() error { return u.deploy(site.Secondary, zones) },
			func() error { return s.reports("both as Master", masterIs("both")) },
			func() error {
				return s.reports("both connected", func(is client.Status) bool {
					return is.Primary.Connection == "connected" && is.Secondary != nil && is.Secondary.Connection == "connected"
				})
			},
			func() error { u.watch.pair(); return u.command(ha("--yes")...) },
			func() error { return s.ready(world.Primary) },
		)
	}
}

func (u *settingUp) command(args ...string) error {
	return u.watch.command(func() error {
		_, err := u.desk.Run(u.ctx, args...)
		return err
	})
}

func (u *settingUp) deploy(side site.Side, zones bool) error {
	args := []string{"azure", "deploy", "--yes", "--role", side.String(), "--site", "lab", "-g", azuresite.SiteGroup, "--network-group", azuresite.NetworkGroup,
		"--vnet", azuresite.VNet, "--size", "Standard_D8s_v5", "--ssh-key", sshKey, "--name", azuresite.VM(side),
		"--probes", azuresite.InternetAddr.String()}
	for _, iface := range azuresite.Interfaces {
		args = append(args, "--"+iface+"-subnet", iface, "--"+iface+"-ip", azuresite.Addr(side, iface).String())
	}
	if side == site.Secondary {
		args = append(args, "--primary", azuresite.VM(site.Primary))
	}
	if zones {
		return u.command(append(args, "--image", azuresite.Image, "--zone", fmt.Sprint(uint8(side)))...)
	}
	sum, err := u.w.PackageSum()
	if err != nil {
		return err
	}
	return u.command(append(args, "--availability-set", "as-vsockets", "--image", world.StockImage, "--package", u.w.PackageURL(), "--package-sha256", sum)...)
}

// ha is that command, for this site.
func ha(more ...string) []string {
	return append([]string{"azure", "ha", "-g", azuresite.SiteGroup, "--network-group", azuresite.NetworkGroup, "--site", "lab",
		"--primary", azuresite.VM(site.Primary), "--secondary", azuresite.VM(site.Secondary)}, more...)
}

// playSetUp fails the site over and back; after that `ha` has nothing to change.
func playSetUp(s *stage) error {
	return steps(
		func() error { return playFailback(s) },
		func() error { return unchanged(s) },
	)
}

// unchanged: `ha` has nothing left to do.
func unchanged(s *stage) error {
	plan, err := s.desk.Run(s.ctx, ha("--plan")...)
	s.promise(err != nil || strings.Contains(plan, noChanges), "`ha --plan` after all would change something:\n%s", plan)
	return err
}

// noChanges is what it says then.
const noChanges = "no changes"

// checkSetUp: no command has waited for nothing, and in the end the primary serves, and
// has the floating IP.
func checkSetUp(ev *evidence) []finding {
	list := append(slices.Clone(ev.wrong), checkSetUpTime(ev)...)
	if ev.Holder != world.Primary || !slices.Equal(ev.Active, []string{world.Primary}) {
		list = append(list, fail(ev.end(), "in the end the floating IP is at %q, and active are %v", ev.Holder, ev.Active)...)
	}
	return list
}
