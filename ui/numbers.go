package ui

// NumberList is the page of the numbers that callers dial.
type NumberList struct{ Rows []NumberRow }

// NumberRow is a line of it.
type NumberRow struct {
	ID, Number, Label string
	Plan              string // "" where there is none
	Published         bool
}

// NumberPage is the form of a number; ID is "" for a new one.
type NumberPage struct {
	ID    string
	Form  *Form
	Plans []Choice
}
