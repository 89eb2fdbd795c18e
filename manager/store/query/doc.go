// Package query is what sqlc makes of manager/store/queries; `make generate`
// writes it anew.
package query
