package main

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
)

// micro runs the packages' own benchmarks.
func micro() (string, error) {
	packages := []string{"./wire/keepalive", "./lab/fabric"}
	cmd := exec.Command("go", append([]string{"test", "-run", "^$", "-bench", ".", "-benchmem"}, packages...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	var rows [][]string
	line := regexp.MustCompile(`(?m)^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+(\S+ ns/op)(.*)$`)
	for _, match := range line.FindAllStringSubmatch(string(out), -1) {
		rows = append(rows, []string{"`" + match[1] + "`", match[2], strings.Join(strings.Split(strings.TrimSpace(match[3]), "\t"), ", ")})
	}
	if len(rows) == 0 {
		return "", fmt.Errorf("no benchmark ran:\n%s", out)
	}
	return table([]string{"what", "time", "more"}, rows), nil
}
