package azuresite

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"releve.dev/releve/site"
)

// Differences lists where a NIC's body differs from what it was, but for what
// Relève may change: the floating IP's ipConfiguration and the claim's tag. The
// fields that Azure derives at each write are left out. An empty list is what
// requirement B5 promises.
func Differences(before, after []byte) ([]string, error) {
	a, err := settled(before)
	if err != nil {
		return nil, fmt.Errorf("NIC as it was: %w", err)
	}
	b, err := settled(after)
	if err != nil {
		return nil, fmt.Errorf("NIC as it is: %w", err)
	}
	return differ("", a, b, nil), nil
}

// FloatingDifferences is the same for the floating IP's own ipConfiguration: its
// name and what its owner set on it, on whichever of the NICs it was and is. It
// finds nothing where it isn't on any: that is another promise's.
func FloatingDifferences(before, after [][]byte) ([]string, error) {
	was, err := floating(before)
	if err != nil {
		return nil, fmt.Errorf("NICs as they were: %w", err)
	}
	is, err := floating(after)
	if err != nil {
		return nil, fmt.Errorf("NICs as they are: %w", err)
	}
	if was == nil || is == nil {
		return nil, nil
	}
	return differ("", was, is, nil), nil
}

// floating is the floating IP's ipConfiguration without what Azure writes.
func floating(bodies [][]byte) (found object, err error) {
	for _, body := range bodies {
		nic, err := parse(body)
		if err != nil {
			return nil, err
		}
		properties, _ := nic["properties"].(object)
		configs, _ := properties["ipConfigurations"].([]any)
		for _, config := range configs {
			if isFloating(config) {
				found, _ = config.(object)
				derived(found)
				delete(found, "id")
				delete(found, "type")
			}
		}
	}
	return found, nil
}

func isFloating(config any) bool {
	c, _ := config.(object)
	inner, _ := c["properties"].(object)
	return inner["privateIPAddress"] == FloatingIP.String()
}

func parse(body []byte) (nic object, err error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	err = decoder.Decode(&nic)
	return nic, err
}

// settled is a NIC's body without what may differ.
func settled(body []byte) (any, error) {
	nic, err := parse(body)
	if err != nil {
		return nil, err
	}
	derived(nic)
	if tags, ok := nic["tags"].(object); ok {
		delete(tags, site.ClaimTag)
	}
	properties, _ := nic["properties"].(object)
	if configs, ok := properties["ipConfigurations"].([]any); ok {
		properties["ipConfigurations"] = slices.DeleteFunc(configs, func(config any) bool {
			c, _ := config.(object)
			derived(c)
			return isFloating(config)
		})
	}
	return nic, nil
}

// derived takes away what Azure writes itself.
func derived(o object) {
	delete(o, "etag")
	if properties, ok := o["properties"].(object); ok {
		delete(properties, "provisioningState")
	}
}

func differ(path string, a, b any, found []string) []string {
	switch a := a.(type) {
	case object:
		if b, ok := b.(object); ok {
			return differObjects(path, a, b, found)
		}
	case []any:
		if b, ok := b.([]any); ok && len(a) == len(b) {
			for i := range a {
				found = differ(fmt.Sprintf("%s[%d]", path, i), a[i], b[i], found)
			}
			return found
		}
	default:
		if a == b { // texts, numbers as they are written, booleans, null
			return found
		}
	}
	return append(found, fmt.Sprintf("%s was %s, is %s", strings.TrimPrefix(path, "."), show(a), show(b)))
}

func differObjects(path string, a, b object, found []string) []string {
	names := map[string]bool{}
	for name := range a {
		names[name] = true
	}
	for name := range b {
		names[name] = true
	}
	sorted := make([]string, 0, len(names))
	for name := range names {
		sorted = append(sorted, name)
	}
	slices.Sort(sorted)
	for _, name := range sorted {
		was, had := a[name]
		is, has := b[name]
		at := strings.TrimPrefix(path+"."+name, ".")
		switch {
		case !has:
			found = append(found, at+" is gone")
		case !had:
			found = append(found, at+" is new: "+show(is))
		default:
			found = differ(path+"."+name, was, is, found)
		}
	}
	return found
}

func show(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}
