package survey

import (
	"context"
	"errors"
	"strings"
	"sync"

	"releve.dev/releve/doctor"
	"releve.dev/releve/doctor/sheet"
	"releve.dev/releve/setup/document"
)

// command is what a guest is asked.
const command = "releve-vsocket doctor --facts"

// Guests asks both guests what they see of themselves, by a run command each
// ("Run scripts in your Linux VM by using Action Run Commands"). What comes of it
// is in the facts.
func Guests(ctx context.Context, c Reader, facts *doctor.Facts) error {
	var all sync.WaitGroup
	var failed [2]error
	for i := range facts.Members {
		vm := &facts.Members[i].VM
		if !vm.Found || vm.Power != "running" {
			continue // told already
		}
		all.Go(func() {
			output, err := Run(ctx, c, vm.ID, command)
			if err == nil {
				facts.Guests[i], err = sheet.Unpack(output)
			}
			failed[i] = err
		})
	}
	all.Wait()
	for i, err := range failed {
		if err != nil && ctx.Err() == nil {
			why, _, _ := strings.Cut(err.Error(), "\n")
			facts.Unseen = append(facts.Unseen, doctor.Unseen{What: "the guest", Where: facts.Members[i].VM.ID, Why: why})
		}
	}
	return ctx.Err()
}

// Run runs a shell command in a VM and returns what it printed.
func Run(ctx context.Context, c Reader, vm, command string) (string, error) {
	answer, err := c.Post(ctx, vm+"/runCommand", document.Document{"commandId": "RunShellScript", "script": []any{command}})
	if err != nil {
		return "", err
	}
	return output(answer)
}

// output takes a run command's answer apart: "Enable succeeded: \n[stdout]\n…\n[stderr]\n…".
// The exit status isn't in it.
func output(answer document.Document) (string, error) {
	for _, status := range answer.Objects("value") {
		message := status.Text("message")
		if strings.EqualFold(status.Text("level"), "Error") {
			return "", errors.New("the run command failed: " + strings.TrimSpace(message))
		}
		_, rest, found := strings.Cut(message, "[stdout]\n")
		if !found {
			continue
		}
		stdout, stderr, _ := strings.Cut(rest, "[stderr]")
		if strings.TrimSpace(stdout) == "" && strings.TrimSpace(stderr) != "" {
			return "", errors.New(strings.TrimSpace(stderr))
		}
		return stdout, nil
	}
	return "", errors.New("the run command's answer has no output")
}
