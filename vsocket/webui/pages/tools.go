package pages

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"releve.dev/releve/vsocket/apitest"
	"releve.dev/releve/vsocket/capture"
	"releve.dev/releve/vsocket/probe"
	"releve.dev/releve/vsocket/webui/run"
	"releve.dev/releve/web/page"
)

// Tool is one of the network tools; its name is the last part of its path.
type Tool struct {
	Name  string
	Ask   Ask      // what the form shows
	Wrong string   // what was wrong with what was asked
	Run   *run.Run // the last one; nil: none
	Vias  []string
	Fip   netip.Addr // to ping (F8); invalid: none
}

// Ask is what somebody asks of a tool, as it was typed; each tool has its part.
type Ask struct {
	Via, Host, Count              string
	Protocol, Port, Seconds, Most string
}

// Tools are all of them, in the order of their tabs.
var Tools = []string{"ping", "traceroute", "api-test", "capture"}

// Target is what a tool has found behind a host's name.
type Target struct {
	Host      string
	Address   netip.Addr
	Via       string
	Interface string
}

// Traced is the result of a traceroute.
type Traced struct{ Reached bool }

// Tested is the result of an API test.
type Tested struct{ Passed bool }

// Captured is the result of a capture, with its file.
type Captured struct {
	capture.Result
	File []byte
}

// lost is how many of a ping's were lost, in percent.
func (f *Frame) lost(r probe.Result) string {
	if r.Sent == 0 {
		return "–"
	}
	return f.decimal(fmt.Sprintf("%.0f %%", 100*float64(r.Sent-r.Received)/float64(r.Sent)))
}

// pingLook judges a ping by what was lost.
func pingLook(r probe.Result) string {
	switch r.Received {
	case r.Sent:
		return "ok"
	case 0:
		return "bad"
	}
	return "warn"
}

// tries are a hop's times.
func (f *Frame) tries(all []time.Duration) string {
	var list []string
	for _, rtt := range all {
		if rtt == 0 {
			list = append(list, "*")
			continue
		}
		list = append(list, f.ms(rtt))
	}
	return strings.Join(list, "  ")
}

var stepLooks = map[apitest.Result]string{apitest.OK: "ok", apitest.Failed: "bad", apitest.Skipped: "warn", apitest.Unknown: "warn"}

// lines is how far a run is, for one kind of lines.
func lines[T any](s run.State) (list []T) {
	for _, line := range s.Lines {
		if l, ok := line.(T); ok {
			list = append(list, l)
		}
	}
	return list
}

// last is the newest line of a kind.
func last[T any](s run.State) (line T, ok bool) {
	all := lines[T](s)
	if len(all) == 0 {
		return line, false
	}
	return all[len(all)-1], true
}

func wrongOf(s run.State) string {
	if s.Err == nil {
		return ""
	}
	return s.Err.Error()
}

// viaName is how a way out is called: those of the source by its names.
func viaName(f *Frame, via string) string {
	if via == "tunnel" {
		return f.T("via.tunnel")
	}
	return via
}

func protocol(f *Frame, p string) string {
	if p == "" {
		return f.T("capture.any")
	}
	return strings.ToUpper(p)
}

// tools are the ways to all of them.
func (f *Frame) tools() (tabs []page.Link) {
	for _, name := range Tools {
		tabs = append(tabs, page.Link{Path: "/tools/" + name, Label: f.T("tool." + name)})
	}
	return tabs
}

func host(f *Frame, t Tool, required bool) templ.Component {
	return f.Field(page.Field{Name: "host", Label: f.T("tool.host"), Value: t.Ask.Host, Optional: !required})
}

func number(f *Frame, name, label, value string, least, most int) templ.Component {
	return f.Field(page.Field{Name: name, Label: label, Value: value, Kind: "number", Least: strconv.Itoa(least), Most: strconv.Itoa(most), Optional: name == "port"})
}

// translated is the name of a step in this language, or as it is.
func (f *Frame) translated(name string) string {
	text, _ := f.Lang.Said(name)
	return text
}
