package slip

// Mistake is one of them.
type Mistake string

// The mistakes, by what was got wrong.
const (
	LeaseFromReply   Mistake = "lease-from-reply"   // a lease counts from the answer, not from the question (R5)
	PromiseIgnored   Mistake = "promise-ignored"    // a claim goes out before the promise is over (R6)
	StartIgnored     Mistake = "start-ignored"      // a restarted one claims at once (R0)
	PauseIgnored     Mistake = "pause-ignored"      // an own pause isn't noticed (R2)
	ClaimantAnswers  Mistake = "claimant-answers"   // a claimant still answers (ha-schedules.md 2)
	RestartedAnswers Mistake = "restarted-answers"  // and one that restarted with its claim under way
	DeposedClaims    Mistake = "deposed-claims"     // the deposed claims again in the same silence (ha-schedules.md 26)
	UnsettledWins    Mistake = "unsettled-wins"     // a claim is won while its operation runs (R11)
	ServesUnread     Mistake = "serves-unread"      // the gate opens before the floating IP is read back (R11)
	StateNotKept     Mistake = "state-not-kept"     // a granted term isn't saved
	HoldIgnored      Mistake = "hold-ignored"       // failback at once (R13)
	NoIfMatch        Mistake = "no-if-match"        // an unconditional PUT
	RebuiltNIC       Mistake = "rebuilt-nic"        // a NIC made from a model: the security group is lost (B5)
	TagsLeftOut      Mistake = "tags-left-out"      // tags are written only with the floating IP (ha-schedules.md 23)
	DeposedWrites    Mistake = "deposed-writes"     // a higher tag doesn't stop the writer (ha-schedules.md 24)
	ThrottleIgnored  Mistake = "throttle-ignored"   // Retry-After isn't obeyed
	FailedIsDone     Mistake = "failed-is-done"     // a removal that ended Failed is left so
	StaleBelieved    Mistake = "stale-believed"     // a read older than the own write undoes it
	FirstAnswer      Mistake = "dropped-with-write" // a claim is dropped although its second write has gone out
	NoHysteresis     Mistake = "no-hysteresis"      // one lost probe makes unfit
	OnePath          Mistake = "one-path"           // keepalives go over the LAN alone
	GateStays        Mistake = "gate-stays"         // the gate's opening doesn't end by itself
	ReplayAccepted   Mistake = "replay-accepted"    // old keepalives are believed
	Unsigned         Mistake = "unsigned"           // keepalives aren't verified
	WantedTermTold   Mistake = "wanted-term-told"   // a claimant says the term that it wants (ha-schedules.md 5)
	NobodyClaims     Mistake = "nobody-claims"      // only a silence leads to a claim (ha-schedules.md 6)
	EchoIgnored      Mistake = "echo-ignored"       // a promise to a deaf one, who isn't held for silent (ha-schedules.md 7)
	ResumesFromDisk  Mistake = "resumes-from-disk"  // a restarted holder serves its term on (ha-schedules.md 8)
	WholeLease       Mistake = "whole-lease"        // the active counts all of what was promised (ha-schedules.md 9)
	JumpUnseen       Mistake = "jump-unseen"        // a pause with a stopped clock isn't noticed (ha-schedules.md 10)
	LapseYields      Mistake = "lapse-yields"       // a lease that has run out makes a standby (ha-schedules.md 12)
	BrokenPathBack   Mistake = "broken-path-back"   // failback while no keepalive crosses the LAN (ha-schedules.md 16)
	EarlyFailback    Mistake = "early-failback"     // failback while the peer still steers (R13)
	OwnRegister      Mistake = "own-register"       // each claims on its own NIC (ha-schedules.md 25)
	AloneShuts       Mistake = "alone-shuts"        // only the peer's answer keeps the gate open (ha-schedules.md 27)
	SettingsAtOnce   Mistake = "settings-at-once"   // new timers count before the peer has them (R14)
	YieldedTold      Mistake = "yielded-told"       // "yielded" is said before the gate is shut (R8.3)
	CantSteerStays   Mistake = "cant-steer-stays"   // an active without Azure keeps a role that it can't serve (ha-schedules.md 32)
	FormerDropped    Mistake = "former-dropped"     // a former floating IP goes before the routes (R14)
	StandbyAdds      Mistake = "standby-adds"       // a standby adds the new floating IP (R14)
	SoloShuts        Mistake = "solo-shuts"         // first settings shut the gate of one that was Master by itself (E2)
	MovesOne         Mistake = "moves-one"          // a takeover in the middle of a change moves only the new one (R14)

	WitnessReplay         Mistake = "witness-replay"          // a witness believes old questions
	WitnessYoungGrants    Mistake = "witness-young-grants"    // a restarted witness grants at once (ha-schedules.md 3)
	WitnessPromiseIgnored Mistake = "witness-promise-ignored" // and one that has promised the holder (R7)
	WitnessRecordLate     Mistake = "witness-record-late"     // a grant is told before it is durable (ha-schedules.md 4)
	WitnessBehind         Mistake = "witness-behind"          // a restored witness grants terms that have been before (R10)
	WitnessBlankGrants    Mistake = "witness-blank-grants"    // a witness without a record begins with the first that comes (R10)
	VisitsIgnored         Mistake = "visits-ignored"          // what was said before a change of PoP counts after it (decision 7)
	WitnessViewIgnored    Mistake = "witness-view-ignored"    // a silent peer is taken for dead, whatever the witness says (R6a)
	ElectServes           Mistake = "elect-serves"            // a taker serves at the grant (ha-schedules.md 19)
)

// All lists them.
var All = []Mistake{LeaseFromReply, PromiseIgnored, StartIgnored, PauseIgnored, ClaimantAnswers, RestartedAnswers, DeposedClaims,
	UnsettledWins, ServesUnread, StateNotKept, HoldIgnored, NoIfMatch, RebuiltNIC, TagsLeftOut, DeposedWrites, ThrottleIgnored,
	FailedIsDone, StaleBelieved, FirstAnswer, NoHysteresis, OnePath, GateStays, ReplayAccepted, Unsigned, WantedTermTold, NobodyClaims, EchoIgnored, ResumesFromDisk,
	WholeLease, JumpUnseen, LapseYields, BrokenPathBack, EarlyFailback, OwnRegister, AloneShuts, SettingsAtOnce, YieldedTold, CantSteerStays, FormerDropped, StandbyAdds, MovesOne, SoloShuts,
	WitnessReplay, WitnessYoungGrants, WitnessPromiseIgnored, WitnessRecordLate, WitnessBehind, WitnessBlankGrants, VisitsIgnored, WitnessViewIgnored, ElectServes}
