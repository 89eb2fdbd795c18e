package inventory

import (
	"context"
	"errors"
	"net/netip"

	"releve.dev/releve/site"
)

var errDraft = errors.New("not built yet")

// NewSite is what a site is made of (E1).
type NewSite struct {
	Name    string
	Native  netip.Prefix
	LocalIP netip.Addr // the primary's LAN IP
}

// Fields are what SetSite changes.
type Fields struct{ Name string }

// Secondary is what "Add secondary socket" asks for (E3).
type Secondary struct {
	LANIP      netip.Addr
	FloatingIP netip.Addr
}

// NativeChange is what SetNative changes (E7): a zero field stays as it is.
// LocalIP is the floating IP while HA is on, else the primary's LAN IP. A new
// prefix mostly needs new addresses in the same step.
type NativeChange struct {
	Prefix      netip.Prefix
	LocalIP     netip.Addr
	PrimaryIP   netip.Addr
	SecondaryIP netip.Addr
}

func (s *Service) CreateAccount(ctx context.Context, name string) (Account, error) {
	return Account{}, errDraft
}

func (s *Service) Accounts(ctx context.Context) ([]Account, error) { return nil, errDraft }

func (s *Service) CreateSite(ctx context.Context, a Actor, n NewSite, c Change) (Site, error) {
	return Site{}, errDraft
}

func (s *Service) Site(ctx context.Context, a Actor, id string) (Site, error) {
	return Site{}, errDraft
}

func (s *Service) Sites(ctx context.Context, a Actor, p Page) (List[Site], error) {
	return List[Site]{}, errDraft
}

func (s *Service) SetSite(ctx context.Context, a Actor, id string, c Change, f Fields) (Site, error) {
	return Site{}, errDraft
}

func (s *Service) DeleteSite(ctx context.Context, a Actor, id string, c Change) error {
	return errDraft
}

func (s *Service) AddSecondary(ctx context.Context, a Actor, id string, c Change, n Secondary) (Site, error) {
	return Site{}, errDraft
}

// SetHA: a zero field stays as it is.
func (s *Service) SetHA(ctx context.Context, a Actor, id string, c Change, h HA) (Site, error) {
	return Site{}, errDraft
}

func (s *Service) SetNative(ctx context.Context, a Actor, id string, c Change, n NativeChange) (Site, error) {
	return Site{}, errDraft
}

// AddRange: the range's ID is made.
func (s *Service) AddRange(ctx context.Context, a Actor, id string, c Change, r Range) (Site, error) {
	return Site{}, errDraft
}

// SetRange replaces the range with r.ID.
func (s *Service) SetRange(ctx context.Context, a Actor, id string, c Change, r Range) (Site, error) {
	return Site{}, errDraft
}

func (s *Service) RemoveRange(ctx context.Context, a Actor, id string, c Change, rangeID string) (Site, error) {
	return Site{}, errDraft
}

func (s *Service) Unassign(ctx context.Context, a Actor, id string, c Change) (Site, error) {
	return Site{}, errDraft
}

// VSocket finds one by its serial number, void ones too.
func (s *Service) VSocket(ctx context.Context, a Actor, serial site.Serial) (VSocket, error) {
	return VSocket{}, errDraft
}

// EnrolKey ignores c.IfMatch: settings stay as they are.
func (s *Service) EnrolKey(ctx context.Context, a Actor, serial site.Serial, c Change) (site.EnrolKey, error) {
	return site.EnrolKey{}, errDraft
}

func (s *Service) Audit(ctx context.Context, a Actor, p Page) (List[AuditRow], error) {
	return List[AuditRow]{}, errDraft
}

// Redeem, for the fleet: keyHash is of the public key that the vSocket made.
func (s *Service) Redeem(ctx context.Context, serial site.Serial, secret [20]byte, keyHash string) (VSocket, error) {
	return VSocket{}, errDraft
}

func (s *Service) Seen(ctx context.Context, serial site.Serial, v site.Version) error {
	return errDraft
}

func (s *Service) Delivered(ctx context.Context, serial site.Serial, generation uint64) error {
	return errDraft
}

func (s *Service) Applied(ctx context.Context, serial site.Serial, generation uint64) error {
	return errDraft
}

func (s *Service) Settings(ctx context.Context, serial site.Serial) (Settings, error) {
	return Settings{}, errDraft
}

// VoidSerials are all that were ever voided, for the fleet's set.
func (s *Service) VoidSerials(ctx context.Context) ([]site.Serial, error) { return nil, errDraft }
