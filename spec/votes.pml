/* Grants, leases, terms and handover (R0-R8) for the vSockets P and S and the
 * witness W.
 *
 * One process; each rule is one indivisible step, and any step may come at any
 * time: so a node may stand still for as long as it likes (a pause), and time
 * passes by the step tick alone. Timers count down, and ages up to L, where
 * nothing distinguishes them any more: no clock grows, so no horizon bounds the
 * search.
 *
 * The network keeps what was sent: a message is delivered never, late, in any
 * order, more than once. Three things keep the search small and lose nothing:
 * - Asks and claims arrive at once; answers and grants take their time. When a
 *   late ask could be answered, its asker could as well ask anew, for more
 *   lease and the same promise. The same goes for a claim of the present nonce.
 * - Of the answers on a line the youngest of the asker's boot and term is kept:
 *   an older one gives less lease, another one none.
 * - A term in W's record may reach anybody at any later time; by whom it is
 *   told makes no difference.
 *
 * A node may claim at any time, not only in the silences of R6: what holds for
 * every moment holds for the right one.
 */
#ifndef L
#define L 2             /* a promise, in ticks */
#endif
#ifndef TERMS
#define TERMS 3         /* the highest term; P holds term 1 at the beginning */
#endif
#ifndef CRASHES
#define CRASHES 2
#endif
#ifdef BREAK_LA_IS_L
#define LA L
#else
#define LA (L - 1)      /* what the active counts */
#endif
#define OLD LA          /* an age: too old to bear a lease */
#define NONE (LA + 1)   /* no such grant under way */

#define P 0
#define S 1
#define W 2             /* as a voter; and as a holder: nobody */
#define PEER(v) (1 - (v))

mtype = { Mute, Standby, Claiming, Elect, Active };   /* suspended is Active without a lease */

mtype role[2];
byte term[2];           /* highest granted term that is known; on disk */
byte lease[2];          /* what is left of it */
byte prom[2];           /* what is left of the promise to the peer */
byte wait[2];           /* what is left of the wait after a start */
byte crashes;

byte wterm;             /* W's record, on disk: the term, */
byte wholder;           /* its holder, */
bool wboot;             /* and whether its boot is the holder's present one */
byte wprom, wwait;

/* Under way: answers by asker and voter, and grants of the present nonce, with
 * the age of what they answer. */
byte answer[4], grant[2];
byte stale[2];          /* the term from which a claim that was given up asks for the next, 0: none that W heeds */
#define LINE(v, x) (2 * (v) + ((x) == W))

byte top;               /* the highest term that was ever granted, */
byte served;            /* and that ever passed a gate */

#ifdef HANDOVER
byte transfer[2];       /* the term that the giver's Transfer is for, 0: none that W heeds */
bool ready[2];          /* and whether the giver's Transfer names the taker's present boot */
byte yielded[2];        /* the last term that was yielded, 0: none */
bool elects[2];         /* W's record of its term is by transfer to this one */
byte hold[2];           /* what is left of the full lease that an elect waits */
#endif

#ifdef BLANK_W
bool blank, lost;       /* W has no record: its term is 0, and it tells and grants nothing; it has lost one before */
byte tag;               /* the term in the register's tag, written by who serves */
byte who[TERMS + 2];    /* the holder of each term */
#endif

#define OPEN(v) (role[v] == Active && lease[v] > 0)

/* The claims: none of these ever becomes true. */
bool two_gates;         /* serve is open on both */
bool two_actives;       /* one term, two actives */
bool old_term_serves;   /* a gate opens for less than the term that served last */
bool record_falls;      /* W knows less than it has granted */
bool unborn_term;       /* a vSocket knows a term that W hasn't granted */
bool strays;            /* W's record of the term that serves names another */

#define STRAYS(v) (OPEN(v) && term[v] == wterm && wholder != v)

inline holds() {
	two_gates = OPEN(P) && OPEN(S);
	two_actives = role[P] == Active && role[S] == Active && term[P] == term[S];
	old_term_serves = (OPEN(P) && term[P] < served) || (OPEN(S) && term[S] < served);
#ifdef BLANK_W
	record_falls = !blank && wterm < served;        /* below what has served; what nobody took is made up for */
#else
	record_falls = wterm < top;
#endif
	unborn_term = term[P] > top || term[S] > top;
	strays = STRAYS(P) || STRAYS(S);
	assert(!two_gates); assert(!two_actives); assert(!old_term_serves);
	assert(!record_falls); assert(!unborn_term); assert(!strays);
	if :: OPEN(P) && term[P] > served -> served = term[P] :: else fi;
	if :: OPEN(S) && term[S] > served -> served = term[S] :: else fi
}

inline less(t)     { if :: t > 0 -> t-- :: else fi }
inline older(a)    { if :: a < OLD -> a++ :: else fi }
inline raise(x, y) { if :: x < (y) -> x = y :: else fi }

inline tick() {
	less(lease[P]); less(prom[P]); less(wait[P]);
	less(lease[S]); less(prom[S]); less(wait[S]);
	less(wprom); less(wwait);
	older(answer[0]); older(answer[1]); older(answer[2]); older(answer[3]);
	older(grant[P]); older(grant[S]);
#ifdef HANDOVER
	less(hold[P]); less(hold[S]);
#endif
}

/* Answers to a former boot or term are as good as lost. */
inline forget(v) {
	answer[LINE(v, P)] = OLD; answer[LINE(v, W)] = OLD;
	lease[v] = 0
}

/* Its nonce is void, but the claim may still be under way. */
inline unclaim(v) {
	if :: role[v] == Claiming -> raise(stale[v], term[v]) :: else fi;
	grant[v] = NONE
#ifdef HANDOVER
	; hold[v] = 0
#endif
}

/* R2 and R3. d is what the voter's clock gains on the asker's while the promise
 * lasts. */
inline asksPeer(v, d) {
	role[v] == Active && term[PEER(v)] == term[v] &&
#ifdef BREAK_CLAIMANT_ANSWERS
	(role[PEER(v)] == Standby || role[PEER(v)] == Claiming) ->
#else
	role[PEER(v)] == Standby ->
#endif
	raise(prom[PEER(v)], L - d);
	answer[LINE(v, PEER(v))] = 0
}

/* R2 and R4 */
inline asksW(v, d) {
	role[v] == Active && wholder == v && wboot && term[v] == wterm ->
	raise(wprom, L - d);
	answer[LINE(v, W)] = 0
}

/* R5: a lease counts from when its question was sent. */
inline renew(v, x) {
	role[v] == Active && answer[LINE(v, x)] != OLD ->
#ifdef BREAK_LEASE_FROM_REPLY
	lease[v] = LA
#else
	raise(lease[v], LA - answer[LINE(v, x)])
#endif
}

/* R6 */
inline claims(v) {
	role[v] == Standby && term[v] < TERMS &&
#ifndef BREAK_NO_WAIT
	wait[v] == 0 &&
#endif
#ifdef BREAK_PROMISE_IGNORED
	true ->
#else
	prom[v] == 0 ->
#endif
	role[v] = Claiming
}

inline givesUp(v) { role[v] == Claiming -> unclaim(v); role[v] = Standby }

/* R7 */
inline heeds(t)     { if :: t < wterm -> t = 0 :: else fi }

inline record(v, d, b) {
	wterm++; wholder = v; wboot = b; wprom = L - d; raise(top, wterm);
	heeds(stale[P]); heeds(stale[S]);
#ifdef BLANK_W
	who[wterm] = v;
#endif
#ifdef HANDOVER
	heeds(transfer[P]); heeds(transfer[S]);
	if :: transfer[P] == 0 -> ready[P] = 0 :: else fi;
	if :: transfer[S] == 0 -> ready[S] = 0 :: else fi;
	elects[P] = 0; elects[S] = 0
#endif
}

#ifdef BREAK_W_NO_WAIT
#define W_FREE (wprom == 0 && wterm > 0)
#else
#define W_FREE (wprom == 0 && wwait == 0 && wterm > 0)
#endif

inline grants(v, d) {
	role[v] == Claiming && term[v] == wterm && W_FREE ->
	record(v, d, 1); grant[v] = 0
}

/* The same for a claim that its sender has given up, or of its former boot. */
inline grantsStale(v, d) {
	stale[v] == wterm && W_FREE -> record(v, d, 0)
}

/* A grant counts for the claim of its nonce alone. */
inline takes(v) {
	role[v] == Claiming && grant[v] != NONE ->
	forget(v);
	lease[v] = LA - grant[v];
	term[v]++; role[v] = Active; prom[v] = 0;
	grant[v] = NONE
}

/* R1 */
inline learn(v, t) {
	role[v] != Mute && term[v] < t && t <= top ->
	forget(v); unclaim(v);
#ifdef HANDOVER
	if :: role[v] == Active -> raise(yielded[v], term[v]) :: else fi;
#endif
#ifdef BREAK_PROMISE_FORGOTTEN
	prom[v] = 0;
#endif
	term[v] = t; role[v] = Standby
}

#if defined(BREAK_GRANTS_AGAIN) || defined(BREAK_GRANTS_UNRECORDED)
/* A claim from a term that is over isn't refused. */
inline grantsAgain(v) {
	role[v] == Claiming && term[v] + 1 == wterm && W_FREE -> grant[v] = 0;
#ifdef BREAK_GRANTS_AGAIN
	wholder = v; wboot = 1; wprom = L
#endif
}
#endif

#ifdef BREAK_ANY_NONCE
/* A grant of a claim that was given up makes active. */
inline takesAny(v) {
	role[v] == Standby && term[v] + 1 == wterm && wholder == v -> forget(v); term[v]++; role[v] = Active
}
#endif

#ifdef BREAK_WANTED_TERM_DEPOSES
inline learnWanted(v) {
	role[v] != Mute && role[PEER(v)] == Claiming && term[PEER(v)] == term[v] ->
	forget(v); unclaim(v); term[v]++; role[v] = Standby
}
#endif

#ifdef BREAK_PEER_GRANTS
/* The peer's vote makes a claimant active. */
inline peerGrants(v) {
	role[v] == Claiming && term[PEER(v)] == term[v] && lease[PEER(v)] == 0 && prom[PEER(v)] == 0 && role[PEER(v)] != Mute ->
	forget(v); unclaim(v); forget(PEER(v)); unclaim(PEER(v));
	term[v]++; role[v] = Active; term[PEER(v)]++; role[PEER(v)] = Standby
}
#endif

/* R0: being active isn't resumed from disk. */
inline restart(v) {
	crashes < CRASHES -> crashes++;
	forget(v); unclaim(v);
#ifdef HANDOVER
	ready[PEER(v)] = 0;
#endif
	prom[v] = 0; wait[v] = L;
	if :: wholder == v -> wboot = 0 :: else fi;
	if :: role[v] != Mute -> role[v] = Standby :: else fi
}

/* R0 without valid state: mute until W has answered a question of this boot,
 * so with no less than what W's record is now. */
inline loseState(v) {
	crashes < CRASHES -> restart(v);
#ifdef BREAK_BLANK_ANSWERS
	term[v] = 0; role[v] = Standby
#else
	term[v] = wterm; role[v] = Mute
#endif
}

inline isTold(v, t) {
	role[v] == Mute && wterm > 0 && t <= wterm &&
#ifdef BREAK_TOLD_LATE
	t >= 1 ->    /* by an answer to a question of a former boot */
#else
	t >= term[v] ->
#endif
	term[v] = t; role[v] = Standby
}

inline restartW() {
	crashes < CRASHES -> crashes++;
	wprom = 0; wwait = L
#ifdef BREAK_W_FORGETS
	; wterm = 1; wholder = P; wboot = 0
#endif
}

#ifdef HANDOVER
/* R8.2, after a Ready of the peer's present boot. The giver serves on. */
inline transfers(v) {
	role[v] == Active && transfer[v] == 0 && term[v] == wterm && term[v] < TERMS && role[PEER(v)] == Standby ->
	transfer[v] = term[v]; ready[v] = 1
}

/* W's write is the point of no return. The peer's promise to the giver runs on;
 * what W has promised it the elect's full lease waits out. */
inline transferred(v, d) {
	transfer[v] == wterm && wholder == v && wboot ->
	record(PEER(v), d, ready[v]); elects[PEER(v)] = wboot
}

/* T+1 by transfer. */
inline elected(v) {
	role[v] == Standby && elects[v] && wboot && term[v] < wterm ->
	forget(v); term[v] = wterm;
#ifdef BREAK_OPENS_AT_GRANT
	role[v] = Active
#else
	role[v] = Elect; hold[v] = L
#endif
}

/* R8.4: a grant by transfer bears no lease; the first ask gets it. */
inline opens(v) {
	role[v] == Elect && (yielded[PEER(v)] >= term[v] - 1 || (hold[v] == 0 && prom[v] == 0)) ->
	role[v] = Active; hold[v] = 0; prom[v] = 0
}

/* P can't reach W: it yields first, and the claim carries that (R6c). */
inline yieldsFirst(v) {
	role[v] == Active -> raise(yielded[v], term[v]);
#ifndef BREAK_SERVES_AFTER_YIELDED
	forget(v); role[v] = Standby
#endif
}

inline claimsYielded(v) {
	role[v] == Standby && term[v] < TERMS && wait[v] == 0 && yielded[PEER(v)] == term[v] ->
	role[v] = Claiming
}

inline grantsYielded(v, d) {
	role[v] == Claiming && term[v] == wterm && yielded[PEER(v)] == wterm && wholder == PEER(v) ->
	record(v, d, 1); grant[v] = 0
}
#endif

#ifdef BLANK_W
/* R10: W loses its record, once. */
inline losesRecord() {
	crashes < CRASHES && !lost -> restartW();
	blank = 1; lost = 1; wterm = 0; wholder = W; wboot = 0
}

inline steers(v) { OPEN(v) && tag < term[v] -> tag = term[v] }

/* It asks both vSockets, which drop their claims, as W's boot is a new one; and
 * begins one term above what they know: one grant may be known to nobody. */
inline begins() {
	blank && wwait == 0 && role[P] != Mute && role[S] != Mute ->
	unclaim(P); unclaim(S);
	if :: role[P] == Claiming -> role[P] = Standby :: else fi;
	if :: role[S] == Claiming -> role[S] = Standby :: else fi;
	wterm = (term[P] > term[S] -> term[P] : term[S]) + 1;
	raise(top, wterm); heeds(stale[P]); heeds(stale[S]);
	who[wterm] = W; blank = 0
}

#ifdef BREAK_ONE_AND_THE_TAG
/* Two of three, as R10 has it: here v and the register. */
inline beginsWith(v) {
	blank && wwait == 0 && role[v] != Mute ->
	wterm = (term[v] > tag -> term[v] : tag);
	wholder = who[wterm]; wboot = (wholder == W -> 0 : (role[wholder] == Active && term[wholder] == wterm));
	blank = 0
}
#endif
#ifdef BREAK_NO_TERM_SKIPPED
/* Or both vSockets, their claims kept and no term skipped. */
inline beginsAt() {
	blank && wwait == 0 && role[P] != Mute && role[S] != Mute ->
	wterm = (term[P] > term[S] -> term[P] : term[S]);
	wholder = who[wterm]; wboot = (wholder == W -> 0 : (role[wholder] == Active && term[wholder] == wterm));
	blank = 0
}
#endif
#endif

#define STEP(rule) :: d_step { rule; holds() }
#define SLOW(rule, v) STEP(rule(v, 0)) STEP(rule(v, 1))

#ifdef HANDOVER
#define HANDING(v) \
	STEP(transfers(v)) SLOW(transferred, v) STEP(elected(v)) STEP(opens(v)) \
	STEP(yieldsFirst(v)) STEP(claimsYielded(v)) SLOW(grantsYielded, v)
#else
#define HANDING(v)
#endif

#ifdef BREAK_WANTED_TERM_DEPOSES
#define BROKEN(v) STEP(learnWanted(v))
#elif defined(BREAK_PEER_GRANTS)
#define BROKEN(v) STEP(peerGrants(v))
#elif defined(BREAK_GRANTS_AGAIN) || defined(BREAK_GRANTS_UNRECORDED)
#define BROKEN(v) STEP(grantsAgain(v))
#elif defined(BREAK_ANY_NONCE)
#define BROKEN(v) STEP(takesAny(v))
#elif defined(BREAK_ONE_AND_THE_TAG)
#define BROKEN(v) STEP(beginsWith(v))
#elif defined(BREAK_NO_TERM_SKIPPED)
#define BROKEN(v) STEP(beginsAt())
#else
#define BROKEN(v)
#endif

#ifdef BLANK_W
#define LOSING STEP(losesRecord()) STEP(steers(P)) STEP(steers(S)) STEP(begins()) STEP(learn(P, 4)) STEP(learn(S, 4))
#else
#define LOSING
#endif

#define VSOCKET(v) \
	SLOW(asksPeer, v) SLOW(asksW, v) STEP(renew(v, PEER(v))) STEP(renew(v, W)) \
	STEP(claims(v)) STEP(givesUp(v)) SLOW(grants, v) SLOW(grantsStale, v) STEP(takes(v)) \
	STEP(learn(v, 2)) STEP(learn(v, 3)) STEP(restart(v)) STEP(loseState(v)) STEP(isTold(v, 1)) STEP(isTold(v, 2)) STEP(isTold(v, 3)) \
	HANDING(v) BROKEN(v)

init {
	d_step {
		role[P] = Active; role[S] = Standby;
		term[P] = 1; term[S] = 1; wterm = 1; wholder = P; wboot = 1; top = 1;
#ifdef BLANK_W
		tag = 1;
#endif
		forget(P); forget(S); unclaim(P); unclaim(S)
	};
	do
	STEP(tick())
	VSOCKET(P)
	VSOCKET(S)
	STEP(restartW())
	LOSING
	od
}
