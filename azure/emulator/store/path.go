package store

import (
	"net/url"
	"strings"
)

// form of a path that a target was read from.
type shape uint8

const (
	shapeResource shape = iota
	shapeCollection
	shapeAction // the collection's name may be a POST's action on the resource before it
)

// target is what a path names. ARM's paths are case-insensitive; what a
// creator wrote is kept for display. Targets are cached and never changed.
type target struct {
	shape      shape
	typ        string // "Microsoft.Network/networkInterfaces", as written
	typKey     string
	id         string // of the resource, or of what a collection is in
	key        string
	name       string
	parentID   string // of a nested resource
	scope      string // lower-case id of what an extension resource is on
	group      string // name of the resource group, "" outside one
	sub        string // subscription id, "" outside one
	apiVersion string
	expand     string
	filter     string
	ipAddress  string
}

// maxCachedPaths bounds the cache: callers choose the paths.
const maxCachedPaths = 4096

// target reads a path with its query, or says what ARM says of a bad one.
func (s *Store) target(path string) (*target, *Error) {
	if t := s.paths[path]; t != nil {
		return t, nil
	}
	t, err := parseTarget(path)
	if err != nil {
		return nil, err
	}
	if len(s.paths) >= maxCachedPaths {
		clear(s.paths)
	}
	s.paths[path] = t
	return t, nil
}

func parseTarget(path string) (*target, *Error) {
	plain, rawQuery, _ := strings.Cut(path, "?")
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return nil, bad("InvalidQueryParameter", "The query string is not valid: %v.", err)
	}
	if plain, err = url.PathUnescape(plain); err != nil {
		return nil, bad("InvalidUri", "The path is not valid: %v.", err)
	}
	t := &target{}
	for name, values := range query {
		switch strings.ToLower(name) {
		case "api-version":
			t.apiVersion = values[0]
		case "$expand":
			t.expand = values[0]
		case "$filter":
			t.filter = values[0]
		case "ipaddress":
			t.ipAddress = values[0]
		}
	}
	if t.apiVersion == "" {
		return nil, bad("MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required for all requests.")
	}
	segments := strings.Split(strings.Trim(plain, "/"), "/")
	for _, segment := range segments {
		if segment == "" {
			return nil, bad("InvalidUri", "The path '%s' has an empty segment.", plain)
		}
	}
	if !t.read(segments) {
		return nil, notFound("InvalidResourcePath", "No resource of Azure has the path '%s'.", plain)
	}
	return t, nil
}

// read takes a path apart. The last "providers" segment separates the scope
// from the resource, so that extension resources (roles) can be on any other.
func (t *target) read(segments []string) bool {
	if len(segments) > 1 && strings.EqualFold(segments[0], "subscriptions") {
		t.sub = segments[1]
	}
	if len(segments) > 3 && t.sub != "" && strings.EqualFold(segments[2], "resourceGroups") {
		t.group = segments[3]
	}
	last := -1
	for i, segment := range segments {
		if strings.EqualFold(segment, "providers") {
			last = i
		}
	}
	if last < 0 || last >= len(segments)-2 {
		return t.readContainer(segments)
	}
	scope, rest := segments[:last], segments[last+1:]
	t.scope = strings.ToLower(join(scope))
	t.typ = rest[0]
	id := join(scope) + "/providers/" + rest[0]
	for i, segment := range rest[1:] {
		if i%2 == 0 {
			t.typ += "/" + segment
			if i == len(rest)-2 { // a type without a name
				t.id, t.shape = id, shapeCollection
				if i > 0 {
					t.shape = shapeAction
				}
				t.finish()
				return true
			}
			id += "/" + segment
			continue
		}
		if i > 1 {
			t.parentID = id[:strings.LastIndexByte(id, '/')]
		}
		id += "/" + segment
		t.name = segment
	}
	t.id = id
	t.finish()
	return true
}

// readContainer takes the paths of subscriptions and resource groups, and what
// can be listed in them.
func (t *target) readContainer(segments []string) bool {
	lower := make([]string, len(segments))
	for i, segment := range segments {
		lower[i] = strings.ToLower(segment)
	}
	t.name = segments[len(segments)-1]
	set := func(typ string, shape shape, id []string) bool {
		t.typ, t.shape, t.id = typ, shape, join(id)
		t.finish()
		return true
	}
	switch n := len(segments); {
	case n == 1 && lower[0] == "subscriptions":
		return set("Microsoft.Resources/subscriptions", shapeCollection, nil)
	case n == 1 && lower[0] == "tenants":
		return set("Microsoft.Resources/tenants", shapeCollection, nil)
	case lower[0] != "subscriptions":
		return false
	case n == 2:
		return set("Microsoft.Resources/subscriptions", shapeResource, segments)
	case n == 3 && lower[2] == "resourcegroups":
		return set("Microsoft.Resources/resourceGroups", shapeCollection, segments[:2])
	case n == 3 && (lower[2] == "resources" || lower[2] == "locations" || lower[2] == "providers"):
		return set("Microsoft.Resources/"+lower[2], shapeCollection, segments[:2])
	case n == 4 && lower[2] == "resourcegroups":
		return set("Microsoft.Resources/resourceGroups", shapeResource, segments)
	case n == 4 && lower[2] == "providers":
		return set("Microsoft.Resources/providers", shapeResource, segments)
	case n == 5 && lower[2] == "resourcegroups" && lower[4] == "resources":
		return set("Microsoft.Resources/resources", shapeCollection, segments[:4])
	}
	return false
}

func (t *target) finish() {
	t.typKey, t.key = strings.ToLower(t.typ), strings.ToLower(t.id)
}

func join(segments []string) string {
	if len(segments) == 0 {
		return ""
	}
	return "/" + strings.Join(segments, "/")
}
