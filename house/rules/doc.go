// Package rules holds the house's own rules: which package may import which,
// and how a package, a file and a folder look here. Its tests read the source
// files themselves, those of every build tag and the tests too, and judge them;
// docs/architecture.md shows the same table of directions.
package rules
