/* ARM as third (R11): P and S claim by a conditional PUT of the register, the
 * claim in the tag of the primary's LAN NIC. The keepalives between them may be
 * cut and healed, each may restart, and Azure may be late with all.
 *
 * As in steering.pml only whether an ETag is still the present one matters. An
 * accepted PUT shows at once; the ETag changes then, or, with -DAT_COMPLETION,
 * when the operation ends, until when another PUT on the same ETag is accepted
 * and takes its place. An operation may fail.
 *
 * Time is left out: a silence is drawn whenever the keepalives are cut.
 */
#ifndef TERMS
#define TERMS 4
#endif
#ifndef RESTARTS
#define RESTARTS 2
#endif
#ifndef CUTS
#define CUTS 2
#endif
#define P 0
#define S 1
#define PEER(v) (1 - (v))

mtype = { Standby, Claiming, Active };

mtype role[2];
byte term[2];           /* on disk */
byte holder[2];         /* on disk: of that term */
bool silent[2];
bool fresh[2];          /* the peer was heard as active in the present term */
bool deposed[2];        /* what the code goes by: that term was learned in a silence */
bool current[2];        /* its last read shows the term that it knows, and the ETag is still the register's */
bool put[2];            /* its PUT with the register's ETag is under way, by this boot */
bool late[2];           /* or by a former one */
byte wants[2];          /* the term in that */

byte rterm, rholder;    /* the register */
bool rboot;             /* the holder's present boot wrote it */
bool under;             /* an operation is under way */
bool cut;
byte cuts, restarts;
byte last = P;          /* the last active, */
byte moves;             /* and how often that has changed since the active was heard by its peer */

/* The claims: none of these ever becomes true. */
bool unborn_term;       /* an active whose term the register doesn't bear, or bears for the other */
bool duel;              /* in one silence the role moves more than once */

#define UNBORN(v) (role[v] == Active && (term[v] > rterm || (term[v] == rterm && rholder != v)))

inline holds() {
	unborn_term = UNBORN(P) || UNBORN(S);
	duel = moves > 1;
	assert(!unborn_term); assert(!duel)
}

inline past(v) {
	current[v] = 0;
#ifndef BREAK_NO_IF_MATCH
	put[v] = 0; late[v] = 0;
#endif
	skip
}
inline changes() { past(P); past(S) }

/* R1. A term that was learned, but not from its active, has had no sound yet. */
inline learn(v, t, h) {
	if
	:: t > term[v] ->
		term[v] = t; role[v] = Standby;
		holder[v] = h; deposed[v] = silent[v] && h != v; fresh[v] = 0;
		if :: put[v] -> put[v] = 0; late[v] = 1 :: else fi
	:: else
	fi
}

#define OWN(v) (role[v] == Claiming && rterm == term[v] + 1 && rholder == v && rboot)
#ifdef BREAK_UNSETTLED_WINS
#define SETTLED true
#else
#define SETTLED (!under)
#endif

/* GET. An own claim that shows settled is won; a later term counts once it is
 * settled. */
inline reads(v) {
	!current[v] || rterm > term[v] ->
	current[v] = 1;
	if
	:: OWN(v) && SETTLED ->
		term[v] = rterm; holder[v] = v; role[v] = Active; deposed[v] = 0; fresh[v] = 0;
		if :: last != v -> last = v; moves++ :: else fi
	:: !OWN(v) && !under -> learn(v, rterm, rholder)
	:: else
	fi
}

/* R11: a fresh silence. The holder itself, restarted, needs none. */
#ifdef BREAK_ANY_SILENCE
#define MAY(v) true
#elif defined(BREAK_DEPOSED_ALONE)
#define MAY(v) (!deposed[v])
#else
#define MAY(v) (fresh[v] || holder[v] == v)
#endif
inline claims(v) {
	role[v] == Standby && silent[v] && MAY(v) && term[v] < TERMS -> role[v] = Claiming; current[v] = 0
}

/* PUT, after a read that shows the term to be raised. One claim at a time. */
inline writes(v) {
	role[v] == Claiming && current[v] && !put[v] && rterm == term[v] && !(late[v]) -> put[v] = 1; wants[v] = term[v] + 1
}

inline effect(v, boot) {
	rterm = wants[v]; rholder = v; rboot = boot; under = 1;
#ifndef AT_COMPLETION
	changes()
#endif
}

inline accepts(v)     { put[v] -> put[v] = 0; effect(v, 1) }
inline acceptsLate(v) { late[v] -> late[v] = 0; effect(v, 0) }

inline ends() {
	under -> under = 0;
#ifdef AT_COMPLETION
	changes()
#endif
}

/* The keepalives. */
inline breaks()   { !cut && cuts < CUTS -> cuts++; cut = 1 }
inline heals()    { cut -> cut = 0 }
inline falls(v)   { cut && !silent[v] -> silent[v] = 1 }
inline hears(v) {
	!cut && (silent[v] || term[PEER(v)] > term[v] || (!fresh[v] && role[PEER(v)] == Active && term[PEER(v)] == term[v])) ->
	silent[v] = 0; deposed[v] = 0;
	if :: !OWN(v) -> learn(v, term[PEER(v)], holder[PEER(v)]) :: else fi;
	if :: role[PEER(v)] == Active && term[PEER(v)] == term[v] -> fresh[v] = 1; moves = 0 :: else fi;
	if :: role[v] == Claiming && !put[v] -> role[v] = Standby :: else fi
}

inline restart(v) {
	restarts < RESTARTS -> restarts++;
	role[v] = Standby; current[v] = 0;
	if :: rholder == v -> rboot = 0 :: else fi;
	if :: put[v] -> put[v] = 0; late[v] = 1 :: else fi;
#ifdef BREAK_RESTART_IS_FRESH
	fresh[v] = !deposed[v]
#else
	fresh[v] = 0
#endif
}

#define STEP(rule) :: d_step { rule; holds() }
#define VSOCKET(v) \
	STEP(reads(v)) STEP(claims(v)) STEP(writes(v)) STEP(accepts(v)) STEP(acceptsLate(v)) STEP(falls(v)) STEP(hears(v)) STEP(restart(v))

init {
	d_step {
		role[P] = Active; role[S] = Standby; term[P] = 1; term[S] = 1; rterm = 1; rholder = P; rboot = 1; fresh[S] = 1
	};
end:	do
	VSOCKET(P) VSOCKET(S)
	STEP(ends()) STEP(breaks()) STEP(heals())
	od
}
