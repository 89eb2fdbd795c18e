//go:build mistakes

package slip

// Chosen is set before anything runs.
var Chosen Mistake

// Is reports whether this mistake was chosen.
func Is(m Mistake) bool { return m == Chosen }
