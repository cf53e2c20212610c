package ccs

import (
	"fmt"
	"regexp"
)

var loginForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$`)

// Check returns FieldErrors where q has bad values. Whether its members and
// prompts exist is package flow's to find.
func (q *Queue) Check() error {
	var c checker
	c.text("name", q.Name, true, maxName)
	c.text("description", q.Description, false, maxDescription)
	oneOf(&c, "strategy", q.Strategy, Sequential, RingAll)
	within(&c, "maxWaiting", q.MaxWaiting, 0, 999_999)
	c.millis("maxWait", q.MaxWait, second, 999_999*second)
	c.millis("ringTimeout", q.RingTimeout, second, 600*second)
	within(&c, "wrapUp", q.WrapUp, 0, hour)
	within(&c, "missedLimit", q.MissedLimit, 0, 100)
	if len(q.AcceptKey) > 1 || !telephoneKeys(q.AcceptKey) {
		c.add("acceptKey", CodeFormat)
	}
	c.prompt("music", q.Music)
	c.prompt("overflow.prompt", q.Overflow.Prompt)
	c.prompt("closure.prompt", q.Closure.Prompt)
	c.prompt("notice", q.Notice)
	if len(q.Members) > 1000 {
		c.add("members", CodeTooMany, "max", 1000)
		return c.result()
	}
	seen := make(map[string]bool)
	for i, m := range q.Members {
		path := fmt.Sprintf("members[%d]", i)
		c.id(path+".agent", m.Agent)
		if m.Agent == "" {
			c.add(path+".agent", CodeRequired)
		} else if seen[m.Agent] {
			c.add(path+".agent", CodeDuplicate, "value", m.Agent)
		}
		seen[m.Agent] = true
		within(&c, path+".priority", m.Priority, 0, 100)
	}
	return c.result()
}

// Check returns FieldErrors where a has bad values.
func (a *Agent) Check() error {
	var c checker
	c.text("description", a.Description, false, maxDescription)
	c.millis("ringTimeout", a.RingTimeout, second, 600*second)
	within(&c, "wrapUp", a.WrapUp, 0, hour)
	if a.SimultaneousCalls != 0 {
		within(&c, "simultaneousCalls", a.SimultaneousCalls, 1, 10)
	}
	c.device("device", a.Device)
	c.form("callerId", a.CallerID, callerForm)
	return c.result()
}

// Check returns FieldErrors where u has bad values. The password is checked
// where it is still readable.
func (u *User) Check() error {
	var c checker
	if u.Login == "" {
		c.add("login", CodeRequired)
	} else if !loginForm.MatchString(u.Login) {
		c.add("login", CodeFormat)
	}
	c.text("name", u.Name, false, maxName)
	oneOf(&c, "role", u.Role, RoleAdministrator, RoleSupervisor, RoleAgent)
	if u.Language != "" {
		oneOf(&c, "language", u.Language, languages...)
	}
	return c.result()
}
