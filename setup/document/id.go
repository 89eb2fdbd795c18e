package document

import (
	"fmt"
	"slices"
	"strings"
)

// ID is a resource id taken apart. Azure compares ids without regard to case;
// Same does.
type ID struct {
	Subscription string
	Group        string   // "" for what lies at the subscription
	Extends      string   // id of the resource that this one belongs to, as a role assignment does; "" for most
	Type         string   // Microsoft.Network/virtualNetworks/subnets
	Names        []string // one for each segment of the type
}

// The types of what has no provider in its id.
const (
	Subscriptions  = "Microsoft.Resources/subscriptions"
	ResourceGroups = "Microsoft.Resources/resourceGroups"
)

// ParseID takes an id apart.
func ParseID(text string) (ID, error) {
	bad := func() (ID, error) {
		return ID{}, fmt.Errorf("%q is no resource id\nhint: one is like /subscriptions/…/resourceGroups/…/providers/Microsoft.Network/networkInterfaces/lan1", text)
	}
	parts := strings.Split(text, "/")
	if len(parts) < 3 || parts[0] != "" || slices.Contains(parts[1:], "") || slices.Contains(parts, "..") || strings.ContainsAny(text, "?#%\\") {
		return bad()
	}
	var id ID
	parts = parts[1:]
	if strings.EqualFold(parts[0], "subscriptions") {
		id.Subscription, id.Type, id.Names = parts[1], Subscriptions, parts[1:2]
		parts = parts[2:]
		if len(parts) >= 2 && strings.EqualFold(parts[0], "resourceGroups") {
			id.Group, id.Type, id.Names = parts[1], ResourceGroups, parts[1:2]
			parts = parts[2:]
		}
		if len(parts) == 0 {
			return id, nil
		}
	}
	last := len(parts) - 1
	for last >= 0 && !strings.EqualFold(parts[last], "providers") {
		last--
	}
	if last < 0 || !strings.EqualFold(parts[0], "providers") {
		return bad()
	}
	own := parts[last+1:] // namespace, type, name, type, name …
	if len(own) < 3 || len(own)%2 == 0 {
		return bad()
	}
	if last > 0 {
		id.Extends = text[:len(text)-len("/"+strings.Join(parts[last:], "/"))]
	}
	id.Type, id.Names = own[0], nil
	for i := 1; i < len(own); i += 2 {
		id.Type += "/" + own[i]
		id.Names = append(id.Names, own[i+1])
	}
	return id, nil
}

// String puts the id together.
func (id ID) String() string {
	if id.Type == Subscriptions || id.Type == ResourceGroups {
		return id.group()
	}
	parts := strings.Split(id.Type, "/")
	if len(parts) != len(id.Names)+1 {
		panic(fmt.Sprintf("document: a %s has %d names", id.Type, len(id.Names)))
	}
	text := id.Scope() + "/providers/" + parts[0]
	for i, name := range id.Names {
		text += "/" + parts[i+1] + "/" + name
	}
	return text
}

func (id ID) group() string {
	switch {
	case id.Subscription == "":
		return ""
	case id.Group == "":
		return "/subscriptions/" + id.Subscription
	}
	return "/subscriptions/" + id.Subscription + "/resourceGroups/" + id.Group
}

// Scope is where the resource lies: the resource that it extends, its group, its
// subscription, or "" for the tenant.
func (id ID) Scope() string {
	if id.Extends != "" {
		return id.Extends
	}
	return id.group()
}

// Name is the last of the names, the resource's own.
func (id ID) Name() string {
	if len(id.Names) == 0 {
		return ""
	}
	return id.Names[len(id.Names)-1]
}

// Parent is the resource that this one is a part of, as a subnet is of a VNet;
// of a resource that is part of none it is the zero ID.
func (id ID) Parent() ID {
	if len(id.Names) < 2 {
		return ID{}
	}
	id.Type = id.Type[:strings.LastIndexByte(id.Type, '/')]
	id.Names = id.Names[:len(id.Names)-1]
	return id
}

// Resource is the id of a resource in a group.
func Resource(subscription, group, kind string, names ...string) string {
	return ID{Subscription: subscription, Group: group, Type: kind, Names: names}.String()
}

// Group is the id of a resource group.
func Group(subscription, name string) string {
	return ID{Subscription: subscription, Group: name, Type: ResourceGroups}.String()
}

// Same compares ids as Azure does.
func Same(a, b string) bool { return strings.EqualFold(a, b) }

// Short is an id, or a path of an action, as people read it beside others: the
// type's last word and the name, without subscription and group.
func Short(path string) string {
	path, _, _ = strings.Cut(path, "?")
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if len(parts) < 2 {
		return path
	}
	return strings.Join(parts[len(parts)-2:], " ")
}
