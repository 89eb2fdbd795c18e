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
)

// All lists them.
var All = []Mistake{LeaseFromReply, PromiseIgnored, StartIgnored, PauseIgnored, ClaimantAnswers, RestartedAnswers, DeposedClaims,
	UnsettledWins, ServesUnread, StateNotKept, HoldIgnored, NoIfMatch, RebuiltNIC, TagsLeftOut, DeposedWrites, ThrottleIgnored,
	FailedIsDone, StaleBelieved, FirstAnswer, NoHysteresis, OnePath, GateStays, ReplayAccepted, Unsigned}
