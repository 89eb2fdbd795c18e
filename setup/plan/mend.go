package plan

import (
	"fmt"
	"strings"

	"releve.dev/releve/doctor"
	"releve.dev/releve/setup/document"
)

// Mend is what `releve azure doctor --fix` does: of each finding the remedies that
// are safe, up to the first that isn't, each one step. members are the VMs' ids.
func Mend(found []doctor.Finding, members [2]string) []Step {
	var steps []Step
	for _, finding := range found {
		for _, remedy := range finding.Remedies {
			if !remedy.Safe {
				break
			}
			name := fmt.Sprintf("%s-%d", finding.Code, len(steps)+1)
			switch {
			case remedy.Request != nil:
				steps = append(steps, request(name, finding.What, remedy.Request))
			case remedy.Guest != nil && members[remedy.Guest.Member] != "":
				script := document.Document{"commandId": "RunShellScript", "script": []any{remedy.Command}}
				steps = append(steps, Step{Name: name, Why: finding.What, ID: members[remedy.Guest.Member],
					Act: &Act{Post: "runCommand", Body: script, Done: never}})
			}
		}
	}
	return steps
}

func never(document.Document, *Known) bool { return false }

func request(name, why string, r *doctor.Request) Step {
	step := Step{Name: name, Why: why, ID: r.ID}
	switch r.Method {
	case "POST":
		i := strings.LastIndexByte(r.ID, '/')
		step.ID = r.ID[:i]
		step.Act = &Act{Post: r.ID[i+1:], Body: r.Body, Done: never}
	case "DELETE":
		step.Change = func(document.Document, *Known) (document.Document, error) { return nil, nil }
	default:
		step.Change = func(is document.Document, _ *Known) (document.Document, error) {
			if r.Body != nil && is == nil {
				return document.Document(r.Body).Clone(), nil
			}
			shall, err := r.Apply(is)
			return document.Document(shall).Clone(), err
		}
	}
	return step
}
