package document

import "strings"

// versions are the api-versions that we ask for. They are pinned: a newer one may
// change what a body means, and what an older one doesn't know is kept by raw
// JSON. A type that isn't named takes that of the longest name above it.
var versions = map[string]string{
	"microsoft.network":                                        "2024-05-01",
	"microsoft.compute":                                        "2024-07-01",
	"microsoft.compute/disks":                                  "2024-03-02",
	"microsoft.compute/skus":                                   "2021-07-01",
	"microsoft.compute/locations/operations":                   "2024-07-01",
	"microsoft.managedidentity":                                "2023-01-31",
	"microsoft.storage":                                        "2023-05-01",
	"microsoft.authorization":                                  "2022-04-01",
	"microsoft.authorization/roleeligibilityscheduleinstances": "2020-10-01",
	"microsoft.authorization/roleassignmentscheduleinstances":  "2020-10-01",
	"microsoft.authorization/locks":                            "2020-05-01",
	"microsoft.resources":                                      "2021-04-01",
	"microsoft.resources/subscriptions":                        "2022-12-01",
	"microsoft.resources/tenants":                              "2022-12-01",
	"microsoft.resources/resourcegroups":                       "2021-04-01",
}

// APIVersion is the one that a type of resource is asked for with, "" for one
// that we know nothing of.
func APIVersion(resourceType string) string {
	name := strings.ToLower(resourceType)
	for name != "" {
		if version, ok := versions[name]; ok {
			return version
		}
		name = name[:max(0, strings.LastIndexByte(name, '/'))]
	}
	return ""
}

// TypeOf is the type of resource that a path leads to: an id, a list of
// resources, or an action on one (whose name stands at the end of the type).
func TypeOf(path string) string {
	path, _, _ = strings.Cut(path, "?")
	parts := strings.Split(strings.Trim(path, "/"), "/")
	last := len(parts) - 1
	for last >= 0 && !strings.EqualFold(parts[last], "providers") {
		last--
	}
	if last < 0 {
		return typeAbove(parts)
	}
	parts = parts[last+1:]
	if len(parts) == 0 {
		return ""
	}
	kind := parts[0]
	for i := 1; i < len(parts); i += 2 {
		kind += "/" + parts[i]
	}
	return kind
}

// typeAbove is that of a path without a provider: /subscriptions/S/resourceGroups/G
// and what lists there are.
func typeAbove(parts []string) string {
	switch {
	case len(parts) == 1 && strings.EqualFold(parts[0], "tenants"):
		return "Microsoft.Resources/tenants"
	case len(parts) <= 2:
		return Subscriptions
	case len(parts) <= 4 && strings.EqualFold(parts[2], "resourceGroups"):
		return ResourceGroups
	case len(parts) == 4 && strings.EqualFold(parts[2], "locations"), len(parts) == 3 && strings.EqualFold(parts[2], "locations"):
		return Subscriptions
	}
	return "Microsoft.Resources/resources"
}
