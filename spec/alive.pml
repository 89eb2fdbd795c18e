/* Somebody serves again (R6, and the echo of R2 to R4): P, S and W in rounds of
 * one keepalive interval. Up to FAULTS faults come at any time: a line breaks
 * in one direction or is mended, a node restarts. Once they are over, within
 * BOUND rounds somebody serves, if only one vSocket and the witness hear each
 * other.
 *
 * In a round each says what it has to say, and what arrives is answered at
 * once; who comes first is open. Nothing is lost but by a broken line: loss,
 * delay and reordering are the business of votes.pml.
 */
#ifndef FAULTS
#define FAULTS 3
#endif
#define L 2             /* a lease */
#define K 2             /* a silence */
#define LMAX 3
/* Invariant 7. */
#ifndef BOUND
#define BOUND (LMAX + 2 * K + 2 * L)
#endif
#define P 0
#define S 1
#define NOBODY 2
#define PEER(v) (1 - (v))

mtype = { Standby, Claiming, Active };          /* suspended is Active without a lease */

mtype role[2];
byte term[2], wterm;
byte lease[2], prom[2], wait[2], wprom, wwait;
byte wholder;
bool wboot;             /* the holder's boot is still the present one */

bool toPeer[2], toW[2], fromW[2];       /* the lines that work */
byte ofPeer[2], ofW[2];                 /* rounds since this vSocket has heard the peer, and W */
byte twoWay[2];                         /* and since it has heard the peer say that it hears us */
byte byW[2];                            /* rounds since W has heard it, by a message that echoes W */
bool idle[2];                           /* the last that was heard of the peer, by any path: it isn't active */
bool alive[2];                          /* W says that the peer lives */
bool nobody[2];                         /* W says that the term has no live holder */
byte waited[2];                         /* rounds since nobody is known to be active */
byte faults, since;

/* The claim: this never becomes true. */
bool stuck;             /* nobody serves, though somebody could */

#define OPEN(v) (role[v] == Active && lease[v] > 0)
#define COULD(v) (toW[v] && fromW[v])

inline holds() {
	stuck = since >= BOUND && (COULD(P) || COULD(S)) && !OPEN(P) && !OPEN(S);
	assert(!stuck)
}

inline less(t)        { if :: t > 0 -> t-- :: else fi }
inline older(a, most) { if :: a < most -> a++ :: else fi }

inline learn(v, t) {
	if :: t > term[v] -> term[v] = t; role[v] = Standby; lease[v] = 0; waited[v] = 0 :: else fi
}

#ifdef BREAK_NO_ECHO
#define HEARS(age) true
#else
#define HEARS(age) ((age) < L)
#endif

/* What v says arrives at its peer u. */
inline tellsPeer(v, u) {
	if
	:: toPeer[v] ->
		ofPeer[u] = 0;
		if :: HEARS(ofPeer[v]) -> twoWay[u] = 0 :: else fi;
		learn(u, term[v]);
#ifdef BREAK_WANTED_TERM_TRAVELS
		if :: role[v] == Claiming -> learn(u, term[v] + 1) :: else fi;
#endif
		idle[u] = term[v] == term[u] && !OPEN(v);
		if
		:: role[u] == Claiming && OPEN(v) && term[v] == term[u] && HEARS(ofPeer[v]) -> role[u] = Standby
		:: else
		fi;
		if
		:: role[v] == Active && role[u] == Standby && term[v] == term[u] && HEARS(ofPeer[v]) ->
			prom[u] = L;
			if :: toPeer[u] -> lease[v] = L :: else fi
		:: else
		fi
	:: else
	fi
}

/* What v says arrives at W, and W's word comes back. */
inline tellsW(v, u) {
	if
	:: toW[v] ->
		if :: HEARS(ofW[v]) -> byW[v] = 0 :: else fi;
		if
		:: role[v] == Active && wholder == v && wboot && term[v] == wterm && HEARS(ofW[v]) ->
			wprom = L;
			if :: fromW[v] -> lease[v] = L :: else fi
		:: role[v] == Claiming && term[v] == wterm && wprom == 0 && wwait == 0 ->
			wterm++; wholder = v; wboot = 1; wprom = L;
			if :: fromW[v] -> term[v] = wterm; role[v] = Active; lease[v] = L; prom[v] = 0 :: else fi
		:: else
		fi
	:: else
	fi;
	if
	:: fromW[v] ->
		ofW[v] = 0; learn(v, wterm);
		alive[v] = byW[u] < K; nobody[v] = wprom == 0
	:: else
	fi
}

#define REACHES_W(v) (ofW[v] < K && toW[v])
#define GONE(v) (twoWay[v] >= K)
#define WAITS(v) ((wholder == v && term[v] == wterm) -> 0 : (v == P -> K : 2 * K))

inline decides(v) {
	if
	:: role[v] == Standby && ((!GONE(v) && idle[v]) || (ofW[v] < K && nobody[v])) -> older(waited[v], 2 * K)
	:: else -> waited[v] = 0
	fi;
	if
	:: role[v] == Standby && wait[v] == 0 && prom[v] == 0 && REACHES_W(v) &&
#ifdef BREAK_NO_IDLE_CLAIM
		(GONE(v) && !alive[v]) ->
#else
		((GONE(v) && !alive[v]) || (waited[v] > 0 && waited[v] >= WAITS(v))) ->
#endif
		role[v] = Claiming
	:: else
	fi
}

inline round(a, b) {
	less(lease[P]); less(prom[P]); less(wait[P]); less(lease[S]); less(prom[S]); less(wait[S]); less(wprom); less(wwait);
	older(ofPeer[P], K); older(ofPeer[S], K); older(ofW[P], K); older(ofW[S], K);
	older(twoWay[P], K); older(twoWay[S], K); older(byW[P], K); older(byW[S], K);
	tellsPeer(a, b); tellsPeer(b, a);
	tellsW(a, b); tellsW(b, a);
	decides(a); decides(b);
	older(since, BOUND);
	/* Only which term is the higher one matters. */
	if :: term[P] > 1 && term[S] > 1 && wterm > 1 -> term[P]--; term[S]--; wterm-- :: else fi
}

inline fault() { faults < FAULTS -> faults++; since = 0 }

inline restart(v) {
	fault();
	role[v] = Standby; lease[v] = 0; prom[v] = 0; wait[v] = LMAX; waited[v] = 0; idle[v] = 0; alive[v] = 0; nobody[v] = 0;
	ofPeer[v] = K; ofW[v] = K; twoWay[v] = K;
	if :: wholder == v -> wboot = 0 :: else fi
}

inline restartW() { fault(); wprom = 0; wwait = LMAX; byW[P] = K; byW[S] = K }

#define STEP(rule) :: d_step { rule; holds() }
#define BREAKS(line) STEP(fault(); line = !line)

init {
	d_step {
		role[P] = Active; role[S] = Standby; term[P] = 1; term[S] = 1; wterm = 1; wholder = P; wboot = 1; lease[P] = L; prom[S] = L; wprom = L;
		toPeer[P] = 1; toPeer[S] = 1; toW[P] = 1; toW[S] = 1; fromW[P] = 1; fromW[S] = 1
	};
	do
	STEP(round(P, S)) STEP(round(S, P))
	BREAKS(toPeer[P]) BREAKS(toPeer[S]) BREAKS(toW[P]) BREAKS(toW[S]) BREAKS(fromW[P]) BREAKS(fromW[S])
	STEP(restart(P)) STEP(restart(S)) STEP(restartW())
	od
}
