package arm

import "testing"

func TestAllows(t *testing.T) {
	const write = "Microsoft.Network/networkInterfaces/write"
	tests := []struct {
		name string
		p    Permissions
		want bool
	}{
		{"nothing", nil, false},
		{"the action", Permissions{{Actions: []string{write}}}, true},
		{"other case", Permissions{{Actions: []string{"microsoft.network/NETWORKINTERFACES/write"}}}, true},
		{"everything", Permissions{{Actions: []string{"*"}}}, true},
		{"provider", Permissions{{Actions: []string{"Microsoft.Network/*"}}}, true},
		{"verb", Permissions{{Actions: []string{"*/write"}}}, true},
		{"two stars", Permissions{{Actions: []string{"Microsoft.*/networkInterfaces/*"}}}, true},
		{"reader", Permissions{{Actions: []string{"*/read"}}}, false},
		{"star needs its head", Permissions{{Actions: []string{"Microsoft.Compute/*"}}}, false},
		{"no overlap of head and tail", Permissions{{Actions: []string{"Microsoft.Network/networkInterfaces/write*write"}}}, false},
		{"taken back", Permissions{{Actions: []string{"*"}, NotActions: []string{"Microsoft.Network/*/write"}}}, false},
		{"taken back by one role, granted by another",
			Permissions{{Actions: []string{"*"}, NotActions: []string{"*"}}, {Actions: []string{write}}}, true},
	}
	for _, test := range tests {
		if got := test.p.Allows(write); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}
