package survey

import (
	"encoding/json"
	"maps"
	"net/netip"
	"slices"

	"releve.dev/releve/setup/document"
)

// addr reads an address; the zero one if it is none.
func addr(text string) netip.Addr {
	a, _ := netip.ParseAddr(text)
	return a
}

func addrs(texts []string) []netip.Addr {
	var all []netip.Addr
	for _, text := range texts {
		if a := addr(text); a.IsValid() {
			all = append(all, a)
		}
	}
	return all
}

// ids are those of a list of references.
func ids(d document.Document, name string) []string {
	var all []string
	for _, ref := range d.Objects(name) {
		all = append(all, ref.Text("id"))
	}
	return all
}

func tags(d document.Document) map[string]string {
	all := map[string]string{}
	for name, value := range d.Object("tags") {
		if text, ok := value.(string); ok {
			all[name] = text
		}
	}
	return all
}

func number(value any) (int, bool) {
	n, ok := value.(json.Number)
	i, err := n.Int64()
	return int(i), ok && err == nil
}

func sortedNames(d document.Document) []string { return slices.Sorted(maps.Keys(d)) }
