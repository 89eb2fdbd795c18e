package ui

import (
	"context"
	"net"
	"net/http"
	"strconv"

	"releve.dev/releve/manager/access"
	"releve.dev/releve/manager/api"
	"releve.dev/releve/manager/inventory"
	"releve.dev/releve/manager/ui/pages"
	"releve.dev/releve/site"
)

// Passages lead to vSockets' own pages, by ports of the manager's.
type Passages interface {
	Open(ctx context.Context, serial site.Serial, person string) (port uint16, err error)
}

// openWebUI opens the way to a vSocket's own pages, and shows the link. A form can't
// lead there by itself: the pages' policy keeps forms here.
func (v *visit) openWebUI() error {
	s, k, err := v.sideOf()
	if err != nil {
		return err
	}
	if k.State != inventory.StateRegistered {
		return &inventory.Refusal{Kind: inventory.NotNow, Message: "no vSocket has enrolled as " + string(k.Serial), Remedy: "make a key, and enrol the vSocket with it"}
	}
	// First: nobody passes who isn't in the audit log.
	if err := v.Inventory.Ordered(v.ctx(), v.actor(), "socket.webui", string(k.Serial), map[string]string{"site": s.ID}); err != nil {
		return err
	}
	port, err := v.Passages.Open(v.ctx(), k.Serial, passenger(v.who))
	if err != nil {
		return &inventory.Refusal{Kind: inventory.NotNow, Message: "vSocket " + string(k.Serial) + "'s pages can't be reached: " + err.Error(),
			Remedy: "open them at its MGMT address: https://" + mgmt(k)}
	}
	host, _, err := net.SplitHostPort(v.r.Host)
	if err != nil {
		host = v.r.Host
	}
	return v.show(http.StatusOK, pages.WebUI(v.frame, s, k, "https://"+net.JoinHostPort(host, strconv.Itoa(int(port)))+"/"))
}

func mgmt(k inventory.VSocket) string {
	if !k.Told.MGMTIP.IsValid() {
		return "…"
	}
	return k.Told.MGMTIP.String()
}

// passenger is a person's name among passages.
func passenger(who *access.Who) string { return who.Account + "/" + who.Person }

// Passenger is who sends a request to a passage, if they may. Browsers send the
// manager's cookie to all of its ports, so that who signs out, or may no more, is out.
func (u *UI) Passenger(r *http.Request) (string, error) {
	cookie, err := r.Cookie(api.CookieName)
	if err != nil {
		return "", &inventory.Refusal{Kind: access.Unauthenticated, Message: "nobody is signed in"}
	}
	who, err := u.Access.BySession(r.Context(), cookie.Value)
	if err != nil {
		return "", err
	}
	if !who.May(access.SocketWebUI) {
		return "", &inventory.Refusal{Kind: access.Forbidden, Message: who.Name + " may not open a vSocket's pages"}
	}
	return passenger(who), nil
}

// NoPassage tells who comes to a passage why there is nothing. It is plain: what a page
// of ours wants besides would be asked of the vSocket.
func (u *UI) NoPassage(w http.ResponseWriter, r *http.Request, away bool, err error) {
	v := u.visit(w, r)
	text, status := "passage.unopened", http.StatusForbidden
	if away {
		text, status = "passage.away", http.StatusBadGateway
	}
	v.Log.Info("a passage leads nowhere", "path", r.URL.Path, "from", v.from, "reason", err)
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Language", v.frame.Lang.Code)
	http.Error(w, v.frame.T(text), status)
}
