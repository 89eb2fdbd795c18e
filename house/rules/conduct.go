package rules

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
)

// checkDirections says where a file imports what its room may not.
func checkDirections(s Source) []string {
	if _, err := directionOf(s.Folder); err != nil {
		return []string{err.Error()}
	}
	var wrong []string
	for _, target := range s.Imports() {
		ours, isOurs := strings.CutPrefix(target, Module+"/")
		if !isOurs {
			continue
		}
		if err := check(s.Folder, ours, s.Test); err != nil {
			wrong = append(wrong, s.Path+": "+err.Error())
		}
	}
	return wrong
}

// checkConduct says where a file does what its room may not. Tests are free.
func checkConduct(s Source) []string {
	d, err := directionOf(s.Folder)
	if err != nil || s.Test || d.Conduct == Effects {
		return nil
	}
	var wrong []string
	for _, target := range s.Imports() {
		switch {
		case strings.HasPrefix(target, Module+"/"):
		case d.Conduct == Pure && !slices.Contains(PureImports, target),
			slices.Contains(ImpureImports, target):
			wrong = append(wrong, fmt.Sprintf("%s: imports %s, but %s is %s", s.Path, target, d.Room, d.Conduct))
		}
	}
	wrong = append(wrong, uses(s, Impure, "reads a clock or draws unseeded, but "+d.Room+" is "+string(d.Conduct))...)
	ast.Inspect(s.File, func(n ast.Node) bool {
		if g, isGo := n.(*ast.GoStmt); isGo {
			wrong = append(wrong, fmt.Sprintf("%s: starts a goroutine, but %s is %s", s.At(g.Pos()), d.Room, d.Conduct))
		}
		return true
	})
	return wrong
}

// checkSleep says where a file sleeps. Tests aren't free: they wait for what
// they mean.
func checkSleep(s Source) []string {
	return uses(s, map[string][]string{"time": {"Sleep"}}, "sleeps")
}

// waits are the names that wake somebody later.
var waits = map[string][]string{"time": {"After", "AfterFunc", "NewTicker", "NewTimer", "Sleep", "Tick"}}

// waitingRoom is the one below setup/ that may wait, in the one file of its polling
// helper: a set-up waits for conditions, each with a bound and shown to people.
const waitingRoom = "setup/account/await.go"

// checkWaits says where the set-up waits past its polling helper.
func checkWaits(s Source) []string {
	if !within(s.Folder, "setup") || s.Path == waitingRoom {
		return nil
	}
	return uses(s, waits, "waits, but below setup/ account.Await alone does")
}

// signIn is what a person signs in to Azure with. It is large, and the appliances
// have no person: they link azcore alone.
const signIn = "github.com/Azure/azure-sdk-for-go/sdk/azidentity"

// checkSignIn says where what a person signs in with could get into an appliance.
func checkSignIn(s Source) []string {
	var wrong []string
	for _, target := range s.Imports() {
		switch {
		case target == signIn && s.Folder != "setup/account":
			wrong = append(wrong, s.Path+": imports "+target+"; setup/account alone does")
		case target == Module+"/setup/account" && !within(s.Folder, "setup") && s.Folder != "cmd/releve" && !s.Test:
			wrong = append(wrong, s.Path+": imports setup/account, which is for the set-up and for releve alone")
		}
	}
	return wrong
}

// uses finds the names of packages that a file uses.
func uses(s Source, names map[string][]string, why string) []string {
	imports := s.Imports()
	var found []string
	ast.Inspect(s.File, func(n ast.Node) bool {
		selector, isSelector := n.(*ast.SelectorExpr)
		if !isSelector {
			return true
		}
		base, isName := selector.X.(*ast.Ident)
		if isName && slices.Contains(names[imports[base.Name]], selector.Sel.Name) {
			found = append(found, fmt.Sprintf("%s: %s.%s %s", s.At(selector.Pos()), base.Name, selector.Sel.Name, why))
		}
		return true
	})
	return found
}
