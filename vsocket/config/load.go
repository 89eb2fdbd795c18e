package config

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"releve.dev/releve/site"
)

// DefaultPath is where the agent's settings are unless told otherwise.
const DefaultPath = "/etc/releve/vsocket.yaml"

// maxFile bounds what is read: a config file has a few dozen lines.
const maxFile = 1 << 20

// Load reads and checks the file at path. Its error is Problems if the file
// could be read.
func Load(path string) (*Config, error) {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("no config file %s\nhint: releve-vsocket config sample > %s makes a commented one", path, path)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the config file: %w", err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("reading the config file: %w", err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("config file %s is larger than %d bytes", path, maxFile)
	}
	return Parse(path, data)
}

// Parse reads and checks data; name stands for the file in messages. What the
// file leaves out has its default. The error is Problems.
func Parse(name string, data []byte) (*Config, error) {
	root, problem := document(data)
	if problem != nil {
		problem.File = name
		return nil, Problems{*problem}
	}
	config := Default()
	binding := bind(root, &config)
	fillIn(&config, binding)
	problems := append(binding.problems, check(&config, binding)...)
	if len(problems) == 0 {
		return &config, nil
	}
	for i := range problems {
		problems[i].File = name
	}
	slices.SortStableFunc(problems, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	return nil, problems
}

// document returns the one mapping that the file consists of.
func document(data []byte) (*ast.MappingNode, *Problem) {
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, syntaxProblem(err)
	}
	if len(file.Docs) > 1 {
		line := 1
		if start := file.Docs[1].Start; start != nil {
			line = start.Position.Line
		}
		return nil, &Problem{Line: line, Text: "the file holds more than one document"}
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return nil, &Problem{Line: 1, Text: "the file is empty",
			Hint: "releve-vsocket config sample prints a commented one"}
	}
	root, ok := file.Docs[0].Body.(*ast.MappingNode)
	if !ok {
		return nil, &Problem{Line: lineOf(file.Docs[0].Body), Text: "the file is not a list of \"key: value\" lines"}
	}
	return root, nil
}

func syntaxProblem(err error) *Problem {
	var syntax yaml.Error
	if errors.As(err, &syntax) {
		problem := &Problem{Line: 1, Text: syntax.GetMessage()}
		if token := syntax.GetToken(); token != nil && token.Position != nil {
			problem.Line = token.Position.Line
		}
		return problem
	}
	return &Problem{Line: 1, Text: err.Error()}
}

// fillIn sets the defaults that depend on other values.
func fillIn(c *Config, b *binding) {
	if c.Version == (site.Version{}) {
		c.Version = site.Release
	}
	egress, third := EgressNAT, ThirdARM
	if c.Cloud != nil {
		egress, third = EgressTunnel, ThirdWitness
	}
	if !b.given("egress") {
		c.Egress = egress
	}
	if c.HA == nil {
		return
	}
	if !b.given("ha.lease") {
		c.HA.Lease = c.HA.Silent
	}
	if !b.given("ha.third") {
		c.HA.Third = third
	}
}
