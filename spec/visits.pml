/* A site has one witness at a time (decision 7): P, S, and the witnesses of two
 * points of presence, W0 and W1. A vSocket uses one of them, goes to the other
 * whenever it likes, and is in another visit then. Nothing is known of terms,
 * leases or the register: who was answered or granted something in a visit is taken
 * to be served by that witness for as long as the visit lasts. Which of the two a
 * witness serves is the business of votes.pml.
 *
 * Any number of moves and faults. A question may be lost or late, also until its
 * sender has left; not until it has come back. A reply comes at once: to lose it, or
 * to know it later, makes nobody more believed.
 *
 * Visits have no names here: it is enough whether what a witness keeps, and has heard
 * last, is of the newest one there.
 */
#define P 0
#define S 1
#define PEER(v) (1 - (v))
#define AT(w, v) (2 * (w) + (v))

bit at[2];              /* the PoP in use */
bool served[2];         /* answered or granted something in this visit */
bool met[2];            /* told something, in this visit, since the other had come */

/* A witness's record. */
bool blank[2];          /* is lost */
bool kept[4];           /* names this side's newest visit */
/* What it knows in one life. */
bool known[4];          /* it has heard this side */
bool newest[4];         /* in its newest visit */
bool named[4];          /* in the visit that the record names */
bool here[4];           /* and what it has heard last was said by one that had met the other */

bool asked[4], askedMet[4]; /* a question under way */

#ifdef BREAK_FORGOTTEN
bool forgot[2];         /* it has lost its disk, and is believed with any record */
#endif

/* The claim: this never becomes true. */
bool two_witnesses;     /* each serves one */

inline holds() {
	two_witnesses = served[P] && served[S] && at[P] != at[S];
	assert(!two_witnesses)
}

#define RESIDENT(w, v) (!known[AT(w, v)] || named[AT(w, v)])

inline ask(w, v) { at[v] == w; asked[AT(w, v)] = 1; askedMet[AT(w, v)] = met[v] }

/* arrive: whoever has met the other before has to meet it again. */
inline arrive(w, v) {
	known[AT(w, v)] = 1; newest[AT(w, v)] = 1; named[AT(w, v)] = kept[AT(w, v)];
#ifdef BREAK_OLD_RECORD
	named[AT(w, v)] = 1;
#endif
#ifdef BREAK_FORGOTTEN
	named[AT(w, v)] = named[AT(w, v)] || forgot[v];
#endif
#ifndef BREAK_HEARD_ONCE
	here[AT(w, PEER(v))] = 0; askedMet[AT(w, PEER(v))] = 0;
	if :: at[PEER(v)] == w -> met[PEER(v)] = 0 :: else fi
#endif
}

/* settle: R10. */
inline settle(w) {
	if
	:: here[AT(w, P)] && here[AT(w, S)] && (blank[w] || !RESIDENT(w, P) || !RESIDENT(w, S)) ->
		blank[w] = 0;
		kept[AT(w, P)] = newest[AT(w, P)]; named[AT(w, P)] = 1;
		kept[AT(w, S)] = newest[AT(w, S)]; named[AT(w, S)] = 1
	:: else
	fi
}

inline hear(w, v) {
	asked[AT(w, v)];
	if :: !known[AT(w, v)] || !newest[AT(w, v)] -> arrive(w, v) :: else fi;
	here[AT(w, v)] = askedMet[AT(w, v)];
	settle(w);
	if
	:: at[v] == w -> served[v] = served[v] || (!blank[w] && RESIDENT(w, v)); met[v] = known[AT(w, PEER(v))]
	:: else
	fi;
	asked[AT(w, v)] = 0; askedMet[AT(w, v)] = 0
}

inline come(w, v) {
	at[v] = w; served[v] = 0; met[v] = 0;
	kept[AT(w, v)] = 0; newest[AT(w, v)] = 0; asked[AT(w, v)] = 0; askedMet[AT(w, v)] = 0
}

inline move(v) {
	if :: at[v] == 0 -> come(1, v) :: else -> come(0, v) fi;
#ifdef BREAK_FORGOTTEN
	forgot[v] = 0
#endif
}

/* wipe: the disk is lost; it begins at the first PoP, in a visit of its own. */
inline wipe(v) {
	come(0, v);
#ifdef BREAK_FORGOTTEN
	forgot[v] = 1
#endif
}

inline restart(v) { served[v] = 0; met[v] = 0 }

inline restartOf(w, v) {
	known[AT(w, v)] = 0; newest[AT(w, v)] = 0; named[AT(w, v)] = 0; here[AT(w, v)] = 0; askedMet[AT(w, v)] = 0;
	if :: at[v] == w -> met[v] = 0 :: else fi
}

inline restartW(w) { restartOf(w, P); restartOf(w, S) }

inline loseRecord(w) { restartW(w); blank[w] = 1; kept[AT(w, P)] = 0; kept[AT(w, S)] = 0 }

/* oldRecord: of a backup, which names an older visit of one, or of both. */
inline oldRecord(w, v) { restartW(w); kept[AT(w, v)] = 0 }

#define STEP(rule) :: d_step { rule; holds() }
#define EACH(w, v) STEP(ask(w, v)) STEP(hear(w, v))

init {
	d_step {
		kept[AT(0, P)] = 1; known[AT(0, P)] = 1; newest[AT(0, P)] = 1; named[AT(0, P)] = 1;
		kept[AT(0, S)] = 1; known[AT(0, S)] = 1; newest[AT(0, S)] = 1; named[AT(0, S)] = 1
	};
	do
	EACH(0, P) EACH(0, S) EACH(1, P) EACH(1, S)
	STEP(move(P)) STEP(move(S)) STEP(wipe(P)) STEP(wipe(S)) STEP(restart(P)) STEP(restart(S))
	STEP(restartW(0)) STEP(restartW(1)) STEP(loseRecord(0)) STEP(loseRecord(1))
	STEP(oldRecord(0, P)) STEP(oldRecord(0, S)) STEP(oldRecord(1, P)) STEP(oldRecord(1, S))
	od
}
