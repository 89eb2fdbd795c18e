package rbac

import "testing"

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, action string
		want            bool
	}{
		{"*", "Microsoft.Network/networkInterfaces/read", true},
		{"*/read", "Microsoft.Network/networkInterfaces/read", true},
		{"*/read", "Microsoft.Network/networkInterfaces/write", false},
		{"Microsoft.Network/*", "microsoft.network/networkinterfaces/WRITE", true},
		{"Microsoft.Network/networkInterfaces/*", "Microsoft.Network/networkInterfacesX/read", false},
		{"Microsoft.Authorization/*/Delete", "Microsoft.Authorization/roleAssignments/delete", true},
		{"Microsoft.Network/networkInterfaces/read", "Microsoft.Network/networkInterfaces/read", true},
		{"Microsoft.Network/networkInterfaces/read", "Microsoft.Network/networkInterfaces/reader", false},
		{"a*a", "a", false},
	} {
		if got := Match(c.pattern, c.action); got != c.want {
			t.Errorf("%s on %s: %t", c.pattern, c.action, got)
		}
	}
}

func TestAllowed(t *testing.T) {
	contributor := Builtins[1].Definition
	grants := []Assignment{{Principal: "p", Scope: "/subscriptions/s/resourcegroups/rg", Definition: contributor}}
	for _, c := range []struct {
		who, action, scope string
		want               bool
	}{
		{"p", "Microsoft.Network/networkInterfaces/write", "/subscriptions/s/resourcegroups/rg/providers/x", true},
		{"p", "Microsoft.Network/networkInterfaces/write", "/subscriptions/s/resourcegroups/rg2", false},
		{"p", "Microsoft.Authorization/roleAssignments/write", "/subscriptions/s/resourcegroups/rg", false},
		{"q", "Microsoft.Network/networkInterfaces/write", "/subscriptions/s/resourcegroups/rg", false},
	} {
		if got := Allowed(grants, c.who, c.action, c.scope); got != c.want {
			t.Errorf("%s %s on %s: %t", c.who, c.action, c.scope, got)
		}
	}
}
