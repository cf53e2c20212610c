package ui

import (
	"fmt"
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

// Page is what every page needs, whatever it shows.
type Page struct {
	*Texts
	Title string
	Theme string // "light", "dark" or "" for the system's
	Path  string // of this page, to come back to
	Nonce string // of the Content-Security-Policy
	User  *ccs.User
	Zone  *time.Location // of the viewer
	Now   time.Time
	Nav   []NavItem
	// Asset is the address of a built file.
	Asset func(name string) string
	// StoreDown shows that the database is away.
	StoreDown bool
	// Notice tells what was done before this page was opened; nil where nothing was.
	Notice *Notice
	// Desk marks the agent's page, whose links open beside it.
	Desk bool
}

// NavItem is an entry of the navigation.
type NavItem struct {
	ID, Href, Icon string // its text is nav.<ID>
	Current        bool
}

// Clock is the time of day in the viewer's zone.
func (p *Page) Clock(t time.Time) string { return t.In(p.Zone).Format("15:04:05") }

// Minute is the time of day without seconds.
func (p *Page) Minute(t time.Time) string { return t.In(p.Zone).Format("15:04") }

// Day is a date in words, such as "Monday 3 March 2025".
func (p *Page) Day(t time.Time) string {
	t = t.In(p.Zone)
	now := p.Now.In(p.Zone)
	switch {
	case sameDay(t, now):
		return p.T("date.today")
	case sameDay(t, now.AddDate(0, 0, -1)):
		return p.T("date.yesterday")
	}
	return p.T("date.long",
		"Weekday", p.T(fmt.Sprintf("date.weekday.%d", t.Weekday())),
		"Day", t.Day(),
		"Month", p.T(fmt.Sprintf("date.month.%d", t.Month())),
		"Year", t.Year())
}

// ShortDay is a date in few characters, or "today".
func (p *Page) ShortDay(t time.Time) string {
	t = t.In(p.Zone)
	if sameDay(t, p.Now.In(p.Zone)) {
		return p.T("date.today")
	}
	return p.T("date.short", "Day", fmt.Sprintf("%02d", t.Day()), "Month", fmt.Sprintf("%02d", t.Month()),
		"Year", t.Year())
}

func sameDay(a, b time.Time) bool {
	ay, am, ad := a.Date()
	by, bm, bd := b.Date()
	return ay == by && am == bm && ad == bd
}

// Span is a duration as on a watch, such as "0:07", "12:34" or "1:02:03".
func Span(d time.Duration) string {
	if d < 0 {
		d = 0
	}
	s := int64(d.Round(time.Second) / time.Second)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// Iso is t for the datetime attribute.
func Iso(t time.Time) string { return t.UTC().Format(time.RFC3339) }
