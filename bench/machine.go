package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// describeMachine says what the figures were taken on: never a host's name.
func describeMachine() string {
	return fmt.Sprintf("%d cores of %s, Linux %s, %s, load %s before, %s.",
		runtime.NumCPU(), cpuModel(readText("/proc/cpuinfo")), strings.TrimSpace(readText("/proc/sys/kernel/osrelease")),
		runtime.Version(), firstField(readText("/proc/loadavg")), time.Now().Format(time.DateOnly))
}

func readText(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	return string(text)
}

func cpuModel(cpuinfo string) string {
	for line := range strings.Lines(cpuinfo) {
		key, value, found := strings.Cut(line, ":")
		if found && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "an unnamed " + runtime.GOARCH
}

func firstField(text string) string {
	fields := strings.Fields(text)
	if len(fields) == 0 {
		return "unknown"
	}
	return fields[0]
}
