package ui

// Login is the sign-in form.
type Login struct {
	Name  string // as it was typed
	Next  string // local address to go to afterwards
	Error string // already in words
	Demo  bool   // tell about the demonstration's users
}
