package ui

import "github.com/carillon-cc/carillon/ccs"

// TrunkList is the page of the providers' links.
type TrunkList struct {
	Rows   []TrunkRow
	Alarms []Alarm // the newest first
}

// TrunkRow is a line of it.
type TrunkRow struct {
	ID, Name, Provider string
	Number             string
	Live               TrunkLive
}

// TrunkLive is what changes of a trunk while a page is open.
type TrunkLive struct {
	State   State
	Advice  string // what to do about it, "" where nothing is needed
	In, Out int    // calls at this moment
	Targets []TargetLive
}

// TargetLive is how an address of a provider is.
type TargetLive struct {
	Name  string
	State State
}

// TrunkPage is the form of a trunk; ID is "" for a new one.
type TrunkPage struct {
	ID          string
	Form        *Form
	Live        TrunkLive
	Targets     int  // rows of addresses
	HasPassword bool // one is stored
	Countries   []Country
	Uses        []Use
	Doctor      *Diagnosis
	Alarms      []Alarm // that concern it, the newest first
}

// Diagnosis is what the doctor of trunks has found.
type Diagnosis struct {
	Number   string // that was tried
	Verdict  State
	Findings []Finding
}

// Finding is one thing that was looked at.
type Finding struct {
	Tone Tone
	Head string // what it was that was looked at
	Text string // what was found, and what to do
}

// The ways to be known to a provider.
const (
	SignOnAccount = "account" // registers
	SignOnAddress = "address"
	SignOnBoth    = "both" // known by address, and calls out are signed
)

// NumberForms are the values of a trunk's number form, as radio buttons.
var NumberForms = []string{string(ccs.NumberPlus), string(ccs.NumberDigits), string(ccs.NumberZeros), string(ccs.NumberNational)}
