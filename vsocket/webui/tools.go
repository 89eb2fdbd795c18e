package webui

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"releve.dev/releve/vsocket/capture"
	"releve.dev/releve/vsocket/webui/pages"
	"releve.dev/releve/vsocket/webui/run"
)

// usual is what the forms have before anybody has asked for anything.
var usual = pages.Ask{Via: "WAN1", Count: "10", Seconds: "30", Most: "1000"}

func (v *visit) tool() error {
	ask := usual
	if last := v.shelf.Last(v.r.PathValue("tool")); last != nil {
		ask = last.Asked.(pages.Ask)
	}
	query := v.r.URL.Query()
	if host := query.Get("host"); host != "" {
		ask.Host = host
	}
	if via := query.Get("via"); slices.Contains(v.Vias, via) {
		ask.Via = via
	}
	return v.toolPage(http.StatusOK, ask, "")
}

func (v *visit) toolPage(status int, ask pages.Ask, wrong string) error {
	name := v.r.PathValue("tool")
	if !slices.Contains(pages.Tools, name) {
		return v.absent()
	}
	t := pages.Tool{Name: name, Ask: ask, Wrong: wrong, Run: v.shelf.Last(name), Vias: v.Vias}
	if n := v.now(); n.Status != nil && n.Status.HA.Configured {
		t.Fip = n.Status.FIP.Address
	}
	v.frame.Refresh = t.Run != nil && !t.Run.State().Done
	return v.show(status, pages.ToolPage(v.frame, t))
}

func (v *visit) runTool() error {
	name := v.r.PathValue("tool")
	form := v.r.PostFormValue
	ask := pages.Ask{Via: form("via"), Host: form("host"), Count: form("count"), Protocol: form("protocol"), Port: form("port"), Seconds: form("seconds"), Most: form("most")}
	tool, err := v.work(name, ask)
	if errors.Is(err, errUnknown) {
		return v.absent()
	}
	if err == nil {
		_, err = v.shelf.Start(v.life, name, ask, tool)
	}
	if err != nil {
		v.frame.Path = "/tools/" + name
		return v.toolPage(http.StatusUnprocessableEntity, ask, err.Error())
	}
	return v.goTo("/tools/" + name)
}

func (v *visit) stopTool() error {
	name := v.r.PathValue("tool")
	if last := v.shelf.Last(name); last != nil {
		last.Stop()
	}
	return v.goTo("/tools/" + name)
}

// toolLive follows a run, to its end. Lines that come fast are sent together.
func (v *visit) toolLive(s *stream) error {
	name := v.r.PathValue("tool")
	last := v.shelf.Last(name)
	if last == nil || last.ID != v.r.URL.Query().Get("run") {
		return s.end()
	}
	return s.each(func() (bool, error) {
		state, changed := last.Watch()
		if err := s.send(pages.RunLive(v.frame, name, last)); err != nil {
			return false, err
		}
		if state.Done {
			return false, s.end()
		}
		return true, v.await(changed)
	})
}

// await waits for a change, as long as a session may take to be seen ended.
func (v *visit) await(changed <-chan struct{}) error {
	timer := time.NewTimer(10 * pace)
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	case <-v.ctx().Done():
	}
	return nil
}

// captured is the last capture's file.
func (v *visit) captured() error {
	last := v.shelf.Last("capture")
	if last == nil {
		return v.absent()
	}
	file, ok := last.State().Result.(pages.Captured)
	if !ok {
		return v.absent()
	}
	h := v.w.Header()
	h.Set("Content-Type", "application/vnd.tcpdump.pcap")
	h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s.pcap"`, last.Began.UTC().Format("20060102T150405Z")))
	h.Set("Cache-Control", "no-store")
	_, err := v.w.Write(file.File)
	return err
}

// number reads a field; "" is what is usual, where that is allowed.
func number(name, text string, least, most int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("%s: %s is not between %d and %d", name, text, least, most)
	}
	return n, nil
}

var _ run.Tool // what work returns

// filter is what a capture is asked to keep.
func filter(ask pages.Ask, host netip.Addr) (f capture.Filter, err error) {
	f = capture.Filter{Protocol: ask.Protocol, Host: host}
	if ask.Port != "" {
		port, err := number("port", ask.Port, 1, 65535)
		if err != nil {
			return f, err
		}
		f.Port = uint16(port)
	}
	return f, nil
}
