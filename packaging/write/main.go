// Command write is what `make package` runs: it writes the Debian packages beside the
// built programs.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"

	"releve.dev/releve/packaging"
	"releve.dev/releve/site"
)

func main() {
	bin := flag.String("bin", "bin", "where the programs are, and the packages go")
	version := flag.String("version", site.Release.String(), "of the packages")
	arch := flag.String("arch", runtime.GOARCH, "Debian's name of the machine that the programs are for")
	root := flag.String("root", ".", "of the source tree, for the licence")
	flag.Parse()
	names, err := packaging.Make(*root, *bin, *version, *arch)
	if err != nil {
		fmt.Fprintln(os.Stderr, "package:", err)
		os.Exit(1)
	}
	fmt.Println(strings.Join(names, "\n"))
}
