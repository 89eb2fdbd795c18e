package ask

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// ReadFile reads a file of answers: YAML, "key: value" lines with the flags'
// names. A key that isn't among keys is refused, with all others of the kind.
func ReadFile(path string, keys []string) (map[string]string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the answers: %w", err)
	}
	answers, err := parse(data, keys)
	if err != nil {
		return nil, fmt.Errorf("the answers in %s: %w", path, err)
	}
	return answers, nil
}

func parse(data []byte, keys []string) (map[string]string, error) {
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, err
	}
	answers := map[string]string{}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return answers, nil
	}
	root, ok := file.Docs[0].Body.(*ast.MappingNode)
	if !ok || len(file.Docs) > 1 {
		return nil, errors.New(`want one list of "key: value" lines`)
	}
	var errs []error
	for _, entry := range root.Values {
		key := entry.Key.GetToken().Value
		text, isText := scalar(entry.Value)
		switch {
		case !slices.Contains(keys, key):
			errs = append(errs, fmt.Errorf("line %d: unknown key %s; there are %s", entry.Key.GetToken().Position.Line, key, strings.Join(keys, ", ")))
		case !isText:
			errs = append(errs, fmt.Errorf("line %d: %s wants one plain value", entry.Key.GetToken().Position.Line, key))
		default:
			answers[key] = text
		}
	}
	return answers, errors.Join(errs...)
}

// scalar is a value as it is written: a zone 1 is the text 1.
func scalar(node ast.Node) (string, bool) {
	switch node := node.(type) {
	case *ast.StringNode:
		return node.Value, true
	case *ast.LiteralNode:
		return strings.TrimRight(node.Value.Value, "\n"), true
	case *ast.NullNode:
		return "", true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return node.GetToken().Value, true
	}
	return "", false
}

// SaveFile writes the answers that were found, so that the same command with
// --answers FILE asks for nothing. Those in secret are left out.
func SaveFile(path string, answers []Answer, secret ...string) error {
	var text strings.Builder
	text.WriteString("# Answers for --answers.\n")
	for _, a := range answers {
		if a.Value != "" && !slices.Contains(secret, a.Key) {
			quoted, err := json.Marshal(a.Value) // a JSON string is a YAML string
			if err != nil {
				return fmt.Errorf("saving the answer to %s: %w", a.Key, err)
			}
			fmt.Fprintf(&text, "%s: %s # %s\n", a.Key, quoted, a.Text)
		}
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		return fmt.Errorf("saving the answers: %w", err)
	}
	return nil
}
