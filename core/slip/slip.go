//go:build !mistakes

// Package slip plants mistakes that a good engineer could make, so that the
// simulator can show that it would find them. In every
// build without the tag `mistakes` there are none: Is is constantly false, and
// the compiler leaves out what depends on it.
package slip

// Is reports whether this mistake was chosen.
func Is(Mistake) bool { return false }
