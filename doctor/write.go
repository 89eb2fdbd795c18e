package doctor

import (
	"fmt"
	"slices"
	"strings"
)

// write tells the remedy's data as a command line and as a step in the portal.
func (r *Remedy) write() {
	switch {
	case r.Request != nil:
		r.Command, r.Portal = r.Request.command(), r.Request.portal()
	case r.Guest != nil:
		r.Command = r.Guest.command()
	}
}

// command is the request for Azure's command line. `az resource update` reads,
// edits and writes the resource as JSON; `az network nic update` would lose
// properties that it doesn't know (azure.md section 1).
func (r *Request) command() string {
	group, kind, name := parts(r.ID)
	switch {
	case r.Method == "DELETE":
		return "az resource delete --ids " + r.ID
	case r.Method == "POST":
		id, action := r.ID[:strings.LastIndexByte(r.ID, '/')], name
		return "az resource invoke-action --action " + action + " --ids " + id
	case r.Body != nil && kind == "Microsoft.Authorization/roleAssignments":
		properties, _ := r.Body["properties"].(map[string]any)
		scope, _, _ := strings.Cut(r.ID, "/providers/Microsoft.Authorization/")
		return fmt.Sprintf("az role assignment create --assignee-object-id %v --assignee-principal-type %v --role %v --scope %s",
			properties["principalId"], properties["principalType"], properties["roleDefinitionId"], scope)
	case r.Body != nil:
		return fmt.Sprintf("az resource create --id %s --is-full-object --properties %s", r.ID, shell(marshal(r.Body)))
	case len(r.Edits) == 0 && kind == "Microsoft.Network/networkInterfaces":
		return "az network nic update --ids " + r.ID
	}
	if commands := identityCommands(r.Edits, group, name); commands != nil {
		return strings.Join(commands, " && ")
	}
	text := "az resource update --ids " + r.ID
	for _, edit := range r.Edits {
		text += " " + edit.argument()
	}
	return text
}

// identityCommands: an identity's id has dots, which --set would take for a path.
func identityCommands(edits []Edit, group, vm string) []string {
	var commands []string
	for _, edit := range edits {
		verb, which := "", ""
		switch {
		case edit.Path[0] != "identity":
		case len(edit.Path) == 3 && edit.Value == nil:
			verb, which = "remove", edit.Path[2]
		case len(edit.Path) == 3:
			verb, which = "assign", edit.Path[2]
		case len(edits) == 1: // the type alone: without the system's
			verb, which = "remove", "'[system]'"
		}
		if verb != "" {
			commands = append(commands, fmt.Sprintf("az vm identity %s --resource-group %s --name %s --identities %s", verb, group, vm, which))
		}
	}
	return commands
}

// lists are the members of Azure's bodies whose items have names.
var lists = []string{"ipConfigurations", "routes", "securityRules"}

func (e Edit) argument() string {
	path, last := e.Path[0], len(e.Path)-1
	for i := 1; i <= last; i++ {
		inList := slices.Contains(lists, e.Path[i-1])
		switch {
		case inList && i == last && e.Value == nil:
			path += fmt.Sprintf(" %d", e.At) // --remove takes a list and a place
		case inList:
			path += "[name=" + e.Path[i] + "]"
		default:
			path += "." + e.Path[i]
		}
	}
	value, isText := e.Value.(string)
	if !isText {
		value = marshal(e.Value)
	}
	switch {
	case e.Append:
		return "--add " + path + " " + shell(value)
	case e.Value == nil:
		return "--remove " + path
	}
	return "--set " + shell(path+"="+value)
}

// shell quotes a text for one.
func shell(text string) string {
	if !strings.ContainsAny(text, " \"'{}[]$*?&|;<>()`\\#~") {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// portal is where the same is done by hand.
func (r *Request) portal() string {
	_, kind, name := parts(r.ID)
	where, blades := "Resource groups", kinds[kind]
	if blades.list != "" {
		where = blades.list
	}
	for _, edit := range r.Edits {
		for _, step := range blades.steps {
			if strings.HasPrefix(strings.Join(edit.Path, "/"), step.path) {
				return fmt.Sprintf("%s > %s > %s", where, name, step.do)
			}
		}
	}
	switch {
	case kind == "Microsoft.Authorization/roleAssignments":
		scope, _, _ := strings.Cut(r.ID, "/providers/Microsoft.Authorization/")
		_, _, name := parts(scope)
		return name + " > Access control (IAM) > Add role assignment"
	case r.Method == "DELETE":
		return fmt.Sprintf("%s > %s > Delete", where, name)
	case r.Method == "POST":
		_, _, of := parts(r.ID[:strings.LastIndexByte(r.ID, '/')])
		return fmt.Sprintf("Virtual machines > %s > %s", of, name)
	}
	return fmt.Sprintf("%s > %s", where, name)
}

type blade struct {
	list  string
	steps []step
}

type step struct{ path, do string }

// kinds are the portal's pages, by type of resource and place in its body.
var kinds = map[string]blade{
	"Microsoft.Network/networkInterfaces": {"Network interfaces", []step{
		{"properties/enableIPForwarding", "IP configurations > Enable IP forwarding"},
		{"properties/ipConfigurations", "IP configurations"}}},
	"Microsoft.Network/networkSecurityGroups":   {"Network security groups", []step{{"properties/securityRules", "Settings > Security rules > Add"}}},
	"Microsoft.Network/routeTables":             {"Route tables", []step{{"properties/routes", "Settings > Routes"}}},
	"Microsoft.Network/virtualNetworks":         {"Virtual networks", []step{{"properties/dhcpOptions", "Settings > DNS servers"}}},
	"Microsoft.Network/virtualNetworks/subnets": {"Virtual networks > Subnets", []step{{"properties/routeTable", "Route table"}}},
	"Microsoft.Network/publicIPAddresses":       {"Public IP addresses", nil},
	"Microsoft.Compute/virtualMachines": {"Virtual machines", []step{
		{"identity", "Security > Identity"}, {"properties/hardwareProfile", "Availability + scale > Size"}}},
	"Microsoft.Compute/virtualMachines/extensions": {"Virtual machines > Extensions + applications", nil},
	"Microsoft.Authorization/locks":                {"Resource groups > Locks", nil},
}

// command is the setting as somebody does it in the guest.
func (g *GuestSetting) command() string {
	switch g.Kind {
	case Sysctl:
		return fmt.Sprintf("sudo sysctl -w %s=%s", g.Name, g.Value)
	case Address:
		return fmt.Sprintf("sudo ip address add %s dev %s", g.Value, g.Name)
	case DropAddress:
		return fmt.Sprintf("sudo ip address del %s dev %s", g.Value, g.Name)
	case LinkMTU:
		return fmt.Sprintf("sudo ip link set dev %s mtu %s", g.Name, g.Value)
	case Service:
		return "sudo systemctl restart " + g.Name
	}
	text := g.Value
	path := strings.Split(g.Name, ".")
	for i := len(path) - 1; i >= 0; i-- {
		text = fmt.Sprintf("{%s: %s}", path[i], text)
	}
	return "echo " + shell(text) + " | sudo releve-vsocket config merge && sudo releve-vsocket config apply"
}

// parts takes a resource id apart: group, type and name.
func parts(id string) (group, kind, name string) {
	segments := strings.Split(strings.Trim(id, "/"), "/")
	for i, segment := range segments {
		switch {
		case strings.EqualFold(segment, "resourceGroups") && i+1 < len(segments):
			group = segments[i+1]
		case strings.EqualFold(segment, "providers") && i+2 < len(segments):
			kind = segments[i+1] // the last one counts: a role is on something
			for j := i + 2; j < len(segments); j += 2 {
				kind += "/" + segments[j]
			}
		}
	}
	return group, kind, segments[len(segments)-1]
}
