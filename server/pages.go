package server

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"

	"thonsync/server/accounts"
	"thonsync/server/console"
	"thonsync/server/enrol"
	"thonsync/server/httpapi"
	"thonsync/server/report"
	"thonsync/server/signin"
	"thonsync/syncproto"
)

// MonthlyPath is where the monthly page is served, with query parameters unit
// and month.
const MonthlyPath = "/reports/monthly"

// Pages is the value for Options.Mounts: what people open in a browser, with who
// may.
func Pages(n *Node) []httpapi.Mount {
	access := &gatekeeper{n: n}
	mounts := signin.Mounts(signin.Config{
		Accounts: n.accts, Audit: access, Server: "Thonsync", Links: pageLinks, Home: console.Path, Now: n.opts.Now, Log: n.log,
	})
	mounts = append(mounts, enrol.Mounts(n.enrolment())...)
	if page, err := console.Mount(); err != nil {
		n.log.Error("the console cannot be served", "error", err)
	} else {
		mounts = append(mounts, page)
	}
	return append(mounts, httpapi.Mount{Prefix: MonthlyPath, Permit: httpapi.OneUnit, Handler: http.HandlerFunc(n.monthlyPage)})
}

// pageLinks lists the pages that an account may open.
func pageLinks(c accounts.Caller) (out []signin.Link) {
	out = append(out, signin.Link{Path: console.Path, VI: "Bảng điều hành", EN: "Console"})
	switch c.Role {
	case accounts.Officer:
		out = append(out, signin.Link{Path: enrol.Path, VI: "Nhận máy mới", EN: "Take a phone in"})
		for _, u := range c.Units {
			out = append(out, signin.Link{Path: MonthlyPath + "?unit=" + url.QueryEscape(u), VI: "Báo cáo tháng " + u, EN: "Monthly report " + u})
		}
		return out
	case accounts.Province:
		out = append(out, signin.Link{Path: enrol.Path, VI: "Nhận máy mới", EN: "Take a phone in"})
		out = append(out, signin.Link{Path: MonthlyPath, VI: "Báo cáo tháng", EN: "Monthly report"})
	}
	return append(out, signin.Link{Path: signin.LogPath, VI: "Nhật ký truy cập", EN: "Access log"})
}

func (n *Node) monthlyPage(w http.ResponseWriter, r *http.Request) {
	caller, ok := httpapi.CallerOf(r.Context())
	unit, err := httpapi.UnitFor(&gatekeeper{n: n}, caller, r.URL.Query().Get("unit"))
	if !ok || syncproto.CodeOf(err) == syncproto.CodeScope {
		http.Error(w, "There is no such page here.", http.StatusNotFound)
		return
	}
	month := r.URL.Query().Get("month")
	if month == "" {
		month = report.ThisMonth(n.opts.Now())
	}
	var page bytes.Buffer
	if err == nil {
		err = n.ReportService().Monthly(r.Context(), unit, month, nil, &page)
	}
	if syncproto.CodeOf(err) == syncproto.CodeInvalidInput {
		e, _ := errors.AsType[*syncproto.Error](err)
		http.Error(w, e.Message, http.StatusBadRequest)
		return
	}
	if err != nil {
		n.log.ErrorContext(r.Context(), "monthly page failed", "error", err)
		http.Error(w, "The page could not be made; the server's log says why.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	_, _ = w.Write(page.Bytes()) // a reader that is gone has nobody to tell
}
