package ui

import "time"

// LineList is the page of the telephones that sign on with Carillon.
type LineList struct{ Rows []LineRow }

// LineRow is a line of it.
type LineRow struct {
	ID, Number, Name string
	Agents           []string // whose device it is
	Forward          string
	Live             LineLive
}

// LineLive is what changes of a line while a page is open.
type LineLive struct {
	State    State
	Contacts []Contact
}

// Contact is a telephone that is signed on.
type Contact struct {
	UserAgent string
	Address   string
	Transport string
	Since     time.Time
}

// LinePage is the form of a line; ID is "" for a new one.
type LinePage struct {
	ID       string
	Form     *Form
	Live     LineLive
	Settings LineSettings
	Uses     []Use
}

// LineSettings are what a telephone has to be told.
type LineSettings struct {
	Number, Name string
	Server       string
	Port         int
	TLSPort      int    // 0 where there is no TLS
	Password     string // shown once, after it was made; "" later
	Encrypted    bool   // sound has to be encrypted
}
