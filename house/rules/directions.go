package rules

import (
	"fmt"
	"slices"
	"strings"
)

// Conduct is what a room's packages may do besides computing.
type Conduct string

// The conducts. Tests are free of them.
const (
	Effects    Conduct = ""           // may do anything
	Replayable Conduct = "replayable" // no clock, goroutine or unseeded randomness: same input, same output, so a simulator can run it
	Pure       Conduct = "pure"       // replayable, and of the standard library only PureImports; nothing of anybody else's
)

// Direction says what the packages of one room may import of ours. Imports
// point one way: a package that isn't named may not be imported.
type Direction struct {
	Room    string   // a folder; "x/*" makes a room of each folder in x
	May     []string // folders, each with all that is in it
	Tests   []string // what its tests may import besides
	Conduct Conduct
	Why     string
}

// anything is a May entry that allows every package of ours.
const anything = "anything"

// Directions is the one table. The most specific room that fits a package
// counts; a package may always import its own room.
var Directions = []Direction{
	{Room: "site", Conduct: Pure, Why: "the vocabulary"},
	{Room: "core", May: []string{"site", "wire"}, Conduct: Pure, Why: "decides; time comes in as a value"},
	{Room: "wire", May: []string{"site"}, Conduct: Pure, Why: "bytes to values and back"},
	{Room: "azure/*", May: []string{"site", "core/steer"}, Tests: []string{"azure/emulator", "core/ha"}, Why: "speaks Azure"},
	{Room: "azure/emulator", May: []string{"site"}, Why: "is Azure, as far as a site sees it; knows nothing of how we steer"},
	{Room: "azure/emulator/*", May: []string{"site", "azure/emulator"}, Conduct: Replayable, Why: "Azure's resources and rules; time comes in as a value"},
	{Room: "azure/emulator/contract", May: []string{"azure/emulator"}, Why: "Azure's own SDK drives the emulator"},
	{Room: "settings", Why: "reads a program's YAML file, writes its sample"},
	{Room: "web", Why: "what the pages of the manager and of a vSocket share: frame, parts, style sheets, scripts, languages"},
	{Room: "password", Why: "hashes passwords"},
	{Room: "terminal", May: []string{"site"}, Why: "how programs meet a person"},
	{Room: "datagram", Why: "a UDP socket that a loop reads itself"},
	{Room: "priority", Why: "what a process asks of the scheduler"},
	{Room: "slots", Why: "a few bytes that outlive a program"},
	{Room: "disk", May: []string{"slots"}, Why: "a folder whose files outlive a power loss, or in a test don't"},
	{Room: "channel", Why: "what the manager and its devices say to each other"},
	{Room: "channel/line", May: []string{"site", "channel", "disk"}, Why: "what a device's end of the channel is made of"},
	{Room: "door", Why: "a program's local socket, both sides of it"},
	{Room: "vsocket/agent", May: []string{"site", "core", "wire"}, Tests: []string{"azure/emulator"}, Why: "the loop; declares the ports"},
	{Room: "vsocket/*", May: []string{"site", "core", "wire", "datagram"}, Tests: []string{"house/private"}, Why: "one effect each; never each other"},
	{Room: "vsocket/tunnel", May: []string{"site", "tunnel"}, Tests: []string{"lab/room"}, Why: "leads traffic into a device"},
	{Room: "vsocket/config", May: []string{"settings", "site", "core", "wire"}, Why: "the vSocket's settings"},
	{Room: "vsocket/join", May: []string{"settings", "site", "channel", "slots", "tunnel", "vsocket/config"}, Why: "the file's half and the manager's make one config"},
	{Room: "vsocket/control", May: []string{"door", "site", "core", "wire"}, Why: "the vSocket's local door"},
	{Room: "vsocket/apitest", May: []string{"site", "core", "azure/arm", "azure/imds", "doctor"}, Tests: []string{"azure/emulator"}, Why: "Azure is its business"},
	{Room: "vsocket/examine", May: []string{"site", "core/steer", "azure/arm", "azure/imds", "doctor"}, Tests: []string{"house/private"}, Why: "gathers a guest's facts for the doctor"},
	{Room: "vsocket/spool", May: []string{"disk"}, Why: "events on the disk"},
	{Room: "vsocket/reporter", May: []string{"site", "core/event", "core/takeover", "disk", "vsocket/spool"}, Why: "what the manager is told of the agent"},
	{Room: "vsocket/channel", May: []string{"site", "channel", "disk", "vsocket/spool"}, Why: "the way to the manager; a process of its own"},
	{Room: "vsocket/remote", Why: "what the manager may ask of a vSocket"},
	{Room: "vsocket/webui", May: []string{"site", "door", "web", "password", "disk", "vsocket/apitest", "vsocket/capture", "vsocket/control", "vsocket/probe"},
		Tests: []string{"house/private"}, Why: "the vSocket's own pages; a process of its own, which asks the agent's door"},
	{Room: "tunnel", Tests: []string{"lab/room"}, Why: "a WireGuard device, for both ends"},
	{Room: "pop", May: []string{"site", "core/witness", "wire", "tunnel", "settings", "door", "slots", "channel", "disk"}, Tests: []string{"lab/room"}, Why: "the cloud's end: hub, egress, witness"},
	{Room: "doctor/sheet", May: []string{"site", "doctor", "terminal"}, Why: "findings for people, and as JSON"},
	{Room: "setup/survey", May: []string{"site", "doctor", "azure/arm", "setup/document", "setup/account"}, Tests: []string{"azure/emulator", "setup/sitetest"}, Why: "reads a site's facts; changes nothing"},
	{Room: "manager/*", May: []string{"site", "manager/store", "manager/pause"}, Why: "a part of the manager each"},
	{Room: "manager/access", May: []string{"site", "password", "manager/store", "manager/inventory"}, Why: "who may; refuses as inventory does"},
	{Room: "manager/api", May: []string{"site", "core/event", "core/takeover", "client", "manager/access", "manager/inventory", "manager/events", "manager/fleet", "manager/history", "manager/presence", "manager/status", "manager/restart", "manager/store", "manager/takeovers",
		"manager/oidc", "manager/passkey", "manager/seal", "manager/input", "manager/sse", "manager/watch"},
		Why: "HTTP over the use cases; its types are the client's"},
	{Room: "manager/sse", Why: "server-sent events; knows no manager"},
	{Room: "manager/restart", May: []string{"site", "manager/fleet", "manager/inventory", "manager/status"}, Tests: []string{"manager/store", "manager/presence"}, Why: "has a vSocket begin anew"},
	{Room: "manager/takeovers", May: []string{"site", "core/takeover", "manager/store"}, Why: "keeps what vSockets tell of takeovers"},
	{Room: "manager/input", May: []string{"site", "manager/inventory"}, Why: "reads what people and programs write"},
	{Room: "manager/watch", May: []string{"site", "manager/inventory", "manager/status"}, Why: "follows a site's status, for API and pages"},
	{Room: "manager/ui", May: []string{"site", "core/event", "core/takeover", "manager/access", "manager/api", "manager/inventory", "manager/events", "manager/input", "manager/restart", "manager/sse", "manager/status", "manager/takeovers", "manager/watch", "web"},
		Tests: []string{"manager/fleet", "manager/history", "manager/passkey", "manager/presence", "manager/seal", "manager/store"},
		Why:   "pages over the same use cases as the API's; of the API itself its session's cookie and its prefix"},
	{Room: "client", May: []string{"site"}, Why: "the API's contract, and its Go client"},
	{Room: "manager/authority", May: []string{"site", "channel", "disk"}, Why: "signs for managers and devices"},
	{Room: "manager/certificate", Why: "what the port shows of itself; knows no manager"},
	{Room: "manager/passage", May: []string{"site"}, Why: "leads browsers to vSockets' own pages, an origin each; knows no manager"},
	{Room: "manager/seal", Why: "what somebody brings back unread; knows no manager"},
	{Room: "manager/oidc", Why: "speaks to a provider; knows no manager"},
	{Room: "manager/passkey", Why: "speaks WebAuthn; knows no manager"},
	{Room: "manager/fleet", May: []string{"site", "channel", "manager/authority", "manager/inventory", "manager/events", "manager/takeovers"},
		Tests: []string{"core/event", "disk", "vsocket/channel", "vsocket/spool", "pop/channel", "pop/control", "manager/store"}, Why: "the devices' sessions; tested with the devices' ends"},
	{Room: "manager/pause", Why: "waits for a time"},
	{Room: "manager/bus", May: []string{"site", "manager/store", "manager/fleet", "manager/pause"}, Why: "wake-ups between managers; a carrier each"},
	{Room: "manager/presence", May: []string{"site", "manager/store", "manager/status", "manager/pause"}, Why: "who is connected where, and each site's status; the same for all managers"},
	{Room: "manager/history", May: []string{"site", "manager/store", "manager/status", "manager/pause"}, Why: "what vSockets measure over time, and for how long it is kept"},
	{Room: "manager/status", May: []string{"site"}, Conduct: Pure, Why: "reports to what people are shown; time comes in as a value"},
	{Room: "manager/events", May: []string{"site", "core/event", "manager/store"}, Why: "keeps and finds what core/event makes"},
	{Room: "doctor", May: []string{"site"}, Conduct: Pure, Why: "facts of a site in, findings out"},
	{Room: "setup/document", Conduct: Pure, Why: "Azure's resources as JSON that loses nothing"},
	{Room: "setup/account", May: []string{"site", "core/steer", "azure/arm", "setup/document"}, Tests: []string{"azure/emulator"},
		Why: "the administrator's sign-in and ARM; the one place that waits"},
	{Room: "setup/guest", May: []string{"site"}, Tests: []string{"vsocket/config"}, Conduct: Pure, Why: "what a VM is given: cloud-init's user data, the extension's script"},
	{Room: "setup/plan", May: []string{"site", "doctor", "setup/document", "setup/guest"}, Tests: []string{"azure/emulator", "setup"}, Conduct: Replayable, Why: "the steps of deploy, ha, undo and set-fip, as functions"},
	{Room: "setup/apply", May: []string{"site", "doctor", "setup/account", "setup/document", "setup/plan"}, Tests: []string{"azure/emulator", "setup"}, Why: "carries steps out"},
	{Room: "setup/ask", May: []string{"site", "terminal", "settings"}, Why: "questions, their defaults, the answers' file"},
	{Room: "setup/premises", May: []string{"azure/arm", "doctor", "setup/account", "setup/document", "setup/plan"}, Tests: []string{"azure/emulator", "setup", "site"}, Why: "what is there before a vSocket is deployed"},
	{Room: "setup/sitetest", May: []string{"site", "azure/emulator"}, Why: "a healthy site in an emulated Azure, for tests"},
	{Room: "lab", May: []string{"site", "wire", "azure/emulator", "tunnel", "pop/config", "vsocket/config", "vsocket/control", "vsocket/journal", "vsocket/steps",
		"client", "core/event", "disk", "vsocket/spool"},
		Tests: []string{"vsocket", "house/private", "doctor", "setup/guest"},
		Why:   "plays the world around the built programs: writes their settings, reads their status, journal and spool, stands between their steps, asks the manager's API"},
	{Room: "lab/browser", Tests: []string{"site", "azure/emulator", "lab", "vsocket/apitest", "web/browsertest"}, Why: "tests alone: the pages in a real browser, before a real lab"},
	{Room: "sim", May: []string{"site", "core", "wire", "vsocket/agent", "azure/emulator"}, Conduct: Replayable,
		Why: "whole sites in one goroutine: the real driver and core, the emulator's resource store"},
	{Room: "packaging", May: []string{"site", "vsocket/config", "pop/config"}, Tests: []string{"house/private"}, Why: "Debian packages of the built programs: units, samples"},
	{Room: "cmd/*", May: []string{anything}, Why: "wires; imported by nobody"},
	{Room: "bench", May: []string{"site", "wire", "vsocket", "tunnel", "priority", "pop/config", "lab", "azure/emulator", "channel", "client", "core/event",
		"disk", "manager"}, Tests: []string{"house/private"},
		Why: "measures the built programs, in labs and alone, and single parts of them"},
	{Room: "house/*", Why: "keeps the repo"},
	{Room: "tools/*", Why: "writes generated code; modules of their own"},
}

// PureImports are the standard packages that a pure room may import.
var PureImports = []string{
	"bytes", "cmp", "crypto/hmac", "crypto/sha256", "crypto/subtle", "encoding", "encoding/base32", "encoding/base64",
	"encoding/binary", "encoding/hex", "encoding/json", "errors", "fmt", "hash", "hash/crc32", "iter", "maps", "math",
	"math/bits", "net/netip", "slices", "sort", "strconv", "strings", "time", "unicode", "unicode/utf8",
}

// Impure are the names that a replayable room may not use: those that read a
// clock, wait, or draw from a source that nobody seeded. Package math/rand/v2
// may be used by its constructors alone.
var Impure = map[string][]string{
	"time": {"After", "AfterFunc", "NewTicker", "NewTimer", "Now", "Since", "Sleep", "Tick", "Ticker", "Timer", "Until"},
	"math/rand/v2": {"ExpFloat64", "Float32", "Float64", "Int", "Int32", "Int32N", "Int64", "Int64N", "IntN", "N",
		"NormFloat64", "Perm", "Shuffle", "Uint", "Uint32", "Uint32N", "Uint64", "Uint64N", "UintN"},
}

// ImpureImports are the packages that a replayable room may not import at all.
var ImpureImports = []string{"crypto/rand", "log", "log/slog", "math/rand", "os", "os/exec", "sync", "syscall"}

// directionOf finds the room of a folder.
func directionOf(folder string) (Direction, error) {
	best := Direction{}
	for _, d := range Directions {
		base, star := strings.CutSuffix(d.Room, "/*")
		fits := within(folder, base) && !(star && folder == base)
		if fits && depth(d.Room) > depth(best.Room) {
			best = d
		}
	}
	if best.Room == "" {
		return best, fmt.Errorf("%s is in no room of the table", folder)
	}
	return best, nil
}

// depth orders rooms: a longer path is more specific, and a named folder more
// than the star that stands for it and its neighbours.
func depth(room string) int {
	if room == "" {
		return 0
	}
	n := 2 * (1 + strings.Count(room, "/"))
	if strings.HasSuffix(room, "/*") {
		n--
	}
	return n
}

// ownRoom is the folder that a package shares with those it may always import.
func (d Direction) ownRoom(folder string) string {
	base, star := strings.CutSuffix(d.Room, "/*")
	if !star {
		return base
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(folder, base+"/"), "/")
	return base + "/" + first
}

// check says why folder may not import target, or returns nil.
func check(folder, target string, inTest bool) error {
	d, err := directionOf(folder)
	if err != nil {
		return err
	}
	may := append([]string{d.ownRoom(folder)}, d.May...)
	if inTest {
		may = append(may, d.Tests...)
	}
	if target == "cmd" || strings.HasPrefix(target, "cmd/") && !within(target, d.ownRoom(folder)) {
		return fmt.Errorf("%s imports %s: nobody imports a program", folder, target)
	}
	if slices.Contains(may, anything) || slices.ContainsFunc(may, func(m string) bool { return within(target, m) }) {
		return nil
	}
	return fmt.Errorf("%s imports %s, but %s may import of ours only: %s", folder, target, d.Room, strings.Join(may, ", "))
}

// within says that folder is base or inside it.
func within(folder, base string) bool {
	return folder == base || strings.HasPrefix(folder, base+"/")
}

// Table is the directions as docs/architecture.md shows them.
func Table() string {
	var text strings.Builder
	text.WriteString("| room | may import of ours | tests, besides | conduct | why |\n|---|---|---|---|---|\n")
	for _, d := range Directions {
		fmt.Fprintf(&text, "| `%s` | %s | %s | %s | %s |\n", d.Room, quoted(d.May), quoted(d.Tests), d.Conduct, d.Why)
	}
	return text.String()
}

func quoted(folders []string) string {
	if slices.Contains(folders, anything) {
		return anything
	}
	if len(folders) == 0 {
		return "–"
	}
	return "`" + strings.Join(folders, "`, `") + "`"
}
