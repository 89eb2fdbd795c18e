/* Steering (R12): the floating IP on two NICs, written by P in term 1, S in
 * term 2 and P again in term 3, against an Azure that may be late with all.
 *
 * A vSocket doesn't know that it is deposed until a read shows a higher tag: it
 * reads and writes on. A PUT may be under way for ever, also beyond its
 * sender's freeze. Only whether an ETag is still the NIC's present one matters,
 * so a PUT whose If-Match is past is as good as lost, and nothing is counted.
 *
 * Azure changes content and ETag when it accepts a PUT; with -DAT_COMPLETION
 * only when the operation ends, until when another PUT on the same ETag is
 * accepted and takes its place.
 */
#define P 0
#define S 1
#define TERMS 3
#ifndef FAILURES
#define FAILURES 1
#endif
#define OWN(t) ((t) == 2 -> S : P)      /* the NIC of the active of term t */

byte current = 1;       /* the term that the third has granted last */
bool runs[4];           /* the active of that term still reconciles */
bool done[4];           /* and has found its steering done */

/* The NICs. */
bool fip[2];            /* has the floating IP */
byte tag[2];            /* the term in the claim */
byte under[2];          /* the term whose write is under way, 0: none */
bool failed[2];         /* the last operation has failed: it shows what was asked for, the data plane has it not */
byte failures;
bool plane[2];          /* the data plane brings the floating IP's traffic here */

/* What the active of a term has read of a NIC. */
typedef View {
	bool known[2];  /* since its last write there */
	bool match[2];  /* and the ETag is still the NIC's */
	bool at[2];     /* the floating IP was there */
	byte tags[2];
	bool quiet[2];  /* no operation was under way, */
	bool bad[2];    /* and the last one had failed */
	bool put[2]     /* its PUT with the NIC's ETag is under way */
};
View view[4];

/* The claims: none of these ever becomes true. */
bool stolen;            /* steering was done, and yet the floating IP isn't on the active's NIC alone */
bool twice;             /* two NICs have it */
bool tag_falls;         /* with steering done, a tag shows an earlier term */

inline holds() {
	stolen = done[current] && (!plane[OWN(current)] || plane[1 - OWN(current)]);
	twice = plane[P] && plane[S];
	tag_falls = done[current] && (tag[P] < current || tag[S] < current);
	assert(!stolen); assert(!twice);
#ifndef BREAK_TAGS_ONLY_WITH_FIP
	assert(!tag_falls)
#endif
}

/* A new ETag: PUTs under way with an earlier one will be refused. */
inline past(t, n) {
	view[t].match[n] = 0;
#ifndef BREAK_NO_IF_MATCH
	view[t].put[n] = 0
#endif
}
inline changes(n) { past(1, n); past(2, n); past(3, n) }

/* What is forgotten is put to nought, so that it makes no two states of one. */
inline forget(t, n) {
	view[t].known[n] = 0; view[t].match[n] = 0; view[t].at[n] = 0; view[t].tags[n] = 0; view[t].quiet[n] = 0; view[t].bad[n] = 0
}
inline stops(t) { runs[t] = 0; forget(t, P); forget(t, S) }

inline takeover() {
	current < TERMS -> current++;
	view[1].quiet[P] = 0; view[1].quiet[S] = 0; view[2].quiet[P] = 0; view[2].quiet[S] = 0;
	done[current - 1] = 0;                          /* nobody asks any more */
	if :: current == 3 -> stops(1) :: else fi;      /* P has one loop */
	runs[current] = 1
}

/* GET. */
inline reads(t, n) {
	runs[t] ->
	view[t].known[n] = 1; view[t].match[n] = 1;
	view[t].at[n] = fip[n]; view[t].tags[n] = tag[n];
	view[t].quiet[n] = t == current && under[n] == 0; view[t].bad[n] = failed[n];
#ifndef BREAK_NO_LOOK_AT_TAG
	if :: tag[n] > t -> stops(t) :: else fi
#endif
}

#ifdef BREAK_TAGS_ONLY_WITH_FIP
#define OTHERS_TAG(t, n) false
#else
#define OTHERS_TAG(t, n) (view[t].tags[n] != t)
#endif
#ifdef BREAK_FAILED_IS_DONE
#define BAD(t, n) false
#else
#define BAD(t, n) view[t].bad[n]
#endif
#define DIFFERS(t, n) (view[t].at[n] != (n == OWN(t)) || OTHERS_TAG(t, n) || BAD(t, n))

/* PUT of what was read, with the own tag, and with the floating IP on the own
 * NIC alone: there only after a read that shows it off the peer's. One that
 * rests on a past ETag would be refused, and isn't worth a step. */
inline writes(t, n) {
	runs[t] && view[t].known[n] && DIFFERS(t, n) &&
#ifndef BREAK_NO_IF_MATCH
	view[t].match[n] &&
#endif
	(n != OWN(t) || (view[t].known[1 - n] && !view[t].at[1 - n])) ->
	view[t].put[n] = 1; forget(t, n)
}

/* Azure takes it, unless the other NIC has the address or is about to. */
#define WANTS(n) (under[n] != 0 && OWN(under[n]) == n)
inline accepts(t, n) {
	view[t].put[n] &&
#ifndef BREAK_AZURE_TAKES_ALL
	(n != OWN(t) || (!fip[1 - n] && !plane[1 - n] && !WANTS(1 - n))) &&
#endif
	true ->
	view[t].put[n] = 0; under[n] = t; failed[n] = 0;
#ifndef AT_COMPLETION
	fip[n] = (n == OWN(t)); tag[n] = t; changes(n)
#endif
}

inline ends(n) {
	under[n] != 0 ->
#ifdef AT_COMPLETION
	fip[n] = (n == OWN(under[n])); tag[n] = under[n]; changes(n);
#endif
	plane[n] = fip[n]; under[n] = 0
}

/* A failed operation; one that would have changed things at its end leaves all
 * as it was. */
inline fails(n) {
	under[n] != 0 && failures < FAILURES -> failures++;
#ifndef AT_COMPLETION
	failed[n] = 1;
#endif
	under[n] = 0
}

#ifdef BREAK_DONE_WHILE_UPDATING
#define REST(t, n) (view[t].known[n] && !DIFFERS(t, n))
#else
#define REST(t, n) (view[t].known[n] && view[t].quiet[n] && !DIFFERS(t, n))
#endif

inline finds(t) {
	t == current && !done[t] && REST(t, P) && REST(t, S) -> done[t] = 1
}

#define STEP(rule) :: d_step { rule; holds() }
#define ONE(t, n) STEP(reads(t, n)) STEP(writes(t, n)) STEP(accepts(t, n))
#define ACTIVE(t) ONE(t, P) ONE(t, S) STEP(finds(t))

init {
	d_step {
		fip[P] = 1; plane[P] = 1; tag[P] = 1; tag[S] = 1; runs[1] = 1
	};
	do
	STEP(takeover())
	ACTIVE(1) ACTIVE(2) ACTIVE(3)
	STEP(ends(P)) STEP(ends(S))
	STEP(fails(P)) STEP(fails(S))
	od
}
