package ui

// AgentList is the page of those who take calls.
type AgentList struct{ Rows []AgentRow }

// AgentRow is a line of it.
type AgentRow struct {
	ID, Name, Login string
	Description     string
	Device          string // in words
	Queues          []string
	State           State
}

// AgentPage is the form of an agent; ID is "" for a new one.
type AgentPage struct {
	ID    string
	Form  *Form
	State State
	Lines []Choice
	Uses  []Use
}
