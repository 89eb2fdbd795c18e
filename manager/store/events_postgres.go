package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"releve.dev/releve/manager/store/query"
)

// insertEventsPostgres sends a column at a time: one statement, whose text is the
// same for any number of rows.
func insertEventsPostgres(ctx context.Context, db query.DBTX, all []query.Event) (fresh []query.Event, err error) {
	columns, types := columnsOf(all)
	text := insertEvents() + "SELECT * FROM unnest(" + strings.Join(types, ", ") + ") ON CONFLICT DO NOTHING RETURNING account_id, arrival"
	rows, err := db.QueryContext(ctx, text, columns...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	type place struct {
		account string
		arrival int64
	}
	inserted := map[place]bool{}
	for rows.Next() {
		var p place
		if err := rows.Scan(&p.account, &p.arrival); err != nil {
			return nil, err
		}
		inserted[p] = true
	}
	fresh = slices.DeleteFunc(slices.Clone(all), func(e query.Event) bool { return !inserted[place{e.AccountID, e.Arrival}] })
	return fresh, rows.Err()
}

// columnsOf turns rows into columns, and says how the statement names each.
func columnsOf(all []query.Event) (columns []any, types []string) {
	texts, numbers := map[int][]string{}, map[int][]int64{}
	for i := range all {
		for c, value := range eventValues(&all[i]) {
			switch v := value.(type) {
			case string:
				texts[c] = append(texts[c], v)
			case int64:
				numbers[c] = append(numbers[c], v)
			default:
				panic(fmt.Sprintf("store: column %s is a %T", EventColumns[c], value))
			}
		}
	}
	for c := range EventColumns {
		if column, is := texts[c]; is {
			columns, types = append(columns, column), append(types, fmt.Sprintf("$%d::text[]", c+1))
		} else {
			columns, types = append(columns, numbers[c]), append(types, fmt.Sprintf("$%d::bigint[]", c+1))
		}
	}
	return columns, types
}
