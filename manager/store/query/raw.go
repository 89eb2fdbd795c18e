package query

// DB is what the queries run on, for the few statements that sqlc can't make of
// one text for both engines: inserts of many rows, and optional filters.
func (q *Queries) DB() DBTX { return q.db }
