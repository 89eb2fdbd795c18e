package main

// model is a search of one of spec's files within bounds: its claims hold, and
// each break of a rule makes one of them fail.
type model struct {
	name   string
	file   string
	with   []string // what is defined for it
	bounds string   // for people
	breaks []broken
}

// broken is a rule left out, by the name of its switch in the file (BREAK_...),
// and the claim that then fails.
type broken struct{ rule, claim string }

// models are what `make model` searches. spec/README.md says what each claims.
var models = []model{
	{"votes", "votes.pml", []string{"L=3", "CRASHES=3"}, "lease 3 ticks, terms 1-3, 3 crashes", []broken{
		{"LEASE_FROM_REPLY", "two_gates"},
		{"CLAIMANT_ANSWERS", "two_gates"},
		{"NO_WAIT", "two_gates"},
		{"W_NO_WAIT", "two_gates"},
		{"LA_IS_L", "two_gates"},
		{"PROMISE_IGNORED", "two_gates"},
		{"PROMISE_FORGOTTEN", "two_gates"},
		{"BLANK_ANSWERS", "old_term_serves"},
		{"TOLD_LATE", "old_term_serves"},
		{"W_FORGETS", "record_falls"},
		{"WANTED_TERM_DEPOSES", "unborn_term"},
		{"PEER_GRANTS", "unborn_term"},
		{"ANY_NONCE", "two_gates"},
		{"GRANTS_AGAIN", "two_actives"},
		{"GRANTS_UNRECORDED", "strays"},
	}},
	{"handover", "votes.pml", []string{"HANDOVER", "L=2", "CRASHES=2"}, "lease 2 ticks, terms 1-3, 2 crashes", []broken{
		{"OPENS_AT_GRANT", "two_gates"},
		{"SERVES_AFTER_YIELDED", "two_gates"},
	}},
	{"blank witness", "votes.pml", []string{"BLANK_W", "L=2", "CRASHES=2"}, "lease 2 ticks, terms 1-4, 2 crashes, 1 record lost", []broken{
		{"ONE_AND_THE_TAG", "record_falls"},
		{"NO_TERM_SKIPPED", "two_actives"},
	}},
	{"visits", "visits.pml", nil, "any number of moves and faults", []broken{
		{"HEARD_ONCE", "two_witnesses"},
		{"OLD_RECORD", "two_witnesses"},
		{"FORGOTTEN", "two_witnesses"},
	}},
	{"steering", "steering.pml", []string{"FAILURES=3"}, "terms 1-3, 3 failed writes, ETag at acceptance", []broken{
		{"TAGS_ONLY_WITH_FIP", "stolen"},
		{"NO_LOOK_AT_TAG", "tag_falls"},
		{"NO_IF_MATCH", "tag_falls"},
		{"DONE_WHILE_UPDATING", "stolen"},
		{"FAILED_IS_DONE", "stolen"},
		{"AZURE_TAKES_ALL", "twice"},
	}},
	{"late steering", "steering.pml", []string{"FAILURES=3", "AT_COMPLETION"}, "the same, ETag at completion", []broken{
		{"TAGS_ONLY_WITH_FIP", "stolen"},
		{"NO_LOOK_AT_TAG", "stolen"},
	}},
	{"register", "register.pml", []string{"CUTS=3"}, "terms 1-4, 3 cuts, 2 restarts, ETag at acceptance", []broken{
		{"NO_IF_MATCH", "unborn_term"},
		{"ANY_SILENCE", "duel"},
		{"DEPOSED_ALONE", "duel"},
		{"RESTART_IS_FRESH", "duel"},
	}},
	{"late register", "register.pml", []string{"CUTS=3", "AT_COMPLETION"}, "the same, ETag at completion", []broken{
		{"UNSETTLED_WINS", "unborn_term"},
	}},
	{"alive", "alive.pml", []string{"FAULTS=4"}, "lease and silence 2 rounds, 4 faults", []broken{
		{"NO_IDLE_CLAIM", "stuck"},
		{"NO_ECHO", "stuck"},
		{"WANTED_TERM_TRAVELS", "stuck"},
	}},
}
