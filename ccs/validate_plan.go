package ccs

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	_ "time/tzdata" // a plan's zone must be known on machines that have no tables of their own
)

// The bounds of what is stored; those of spec 3.1.6 also guard running calls.
const (
	MaxSteps      = 200 // of a plan
	MaxActions    = 50  // of a list
	MaxConditions = 20  // of a step
	MaxRows       = 50  // of weekly hours
	MaxPrefixes   = 1000

	maxID          = 64
	maxName        = 100
	maxDescription = 500
	second         = Millis(1000)
	minute         = 60 * second
	hour           = 60 * minute
)

var (
	// numberForm is E.164 with its plus, or a short SIP user part.
	numberForm = regexp.MustCompile(`^(\+[1-9][0-9]{1,14}|[A-Za-z0-9][A-Za-z0-9._-]{0,31})$`)
	// dialForm is a number to be called: as numberForm, or as people dial it.
	dialForm   = regexp.MustCompile(`^(\+?[0-9*#][0-9*# .()/-]{0,31}|[A-Za-z0-9][A-Za-z0-9._-]{0,31})$`)
	prefixForm = regexp.MustCompile(`^(\+[0-9]{1,15}|[0-9]{1,20})$`)
	languages  = []string{"en", "fr"}
)

// Check returns FieldErrors where n has bad values.
func (n *Number) Check() error {
	var c checker
	if n.Number == "" {
		c.add("number", CodeRequired)
	} else if !numberForm.MatchString(n.Number) {
		c.add("number", CodeFormat)
	}
	c.text("label", n.Label, false, maxName)
	c.id("planId", n.PlanID)
	return c.result()
}

// Check returns FieldErrors where p or its draft has bad values. A draft may be
// unfinished: references that are still empty pass here and are found by
// package flow when the plan is to be published.
func (p *Plan) Check() error {
	var c checker
	c.text("name", p.Name, true, maxName)
	c.flow("draft.", &p.Draft)
	return c.result()
}

// Check returns FieldErrors where f has bad values; empty references pass.
func (f *Flow) Check() error {
	var c checker
	c.flow("", f)
	return c.result()
}

func (c *checker) flow(path string, f *Flow) {
	// "Local" would be the machine's zone, which the plan must not depend on.
	if f.TimeZone == "" {
		c.add(path+"timeZone", CodeRequired)
	} else if _, err := time.LoadLocation(f.TimeZone); err != nil || f.TimeZone == "Local" {
		c.add(path+"timeZone", CodeFormat)
	}
	oneOf(c, path+"language", f.Language, languages...)
	oneOf(c, path+"anonymous", f.Anonymous, "", AnonymousAccept, AnonymousRefuse, AnonymousMessage)
	oneOf(c, path+"presentation", f.Presentation, "", PresentCaller, PresentDialed, PresentBoth)
	c.prompt(path+"anonymousMessage", f.AnonymousMessage)
	c.prompt(path+"farewell", f.Farewell)
	within(c, path+"transferTimeout", f.TransferTimeout, 0, 1800*second)
	if len(f.Steps) > MaxSteps {
		c.add(path+"steps", CodeTooMany, "max", MaxSteps)
		return
	}
	ids := make(map[string]bool)
	for i := range f.Steps {
		c.step(fmt.Sprintf("%ssteps[%d]", path, i), &f.Steps[i], ids)
	}
}

func (c *checker) step(path string, s *Step, ids map[string]bool) {
	c.ownID(path+".id", s.ID, ids)
	c.text(path+".name", s.Name, false, maxName)
	if len(s.Conditions) > MaxConditions {
		c.add(path+".conditions", CodeTooMany, "max", MaxConditions)
	} else {
		for i := range s.Conditions {
			c.condition(fmt.Sprintf("%s.conditions[%d]", path, i), &s.Conditions[i])
		}
	}
	c.actions(path+".actions", s.Actions, ids)
	c.actions(path+".otherwise", s.Otherwise, ids)
}

// ownID checks the id of a part of a plan or menu: the timeline of a call names
// parts by their ids, so no two may share one.
func (c *checker) ownID(field, id string, ids map[string]bool) {
	c.id(field, id)
	if id == "" {
		return
	}
	if ids[id] {
		c.add(field, CodeDuplicate, "value", id)
	}
	ids[id] = true
}

func (c *checker) condition(path string, cond *Condition) {
	if (cond.WeeklyHours == nil) == (cond.CallerFilter == nil) {
		c.add(path, CodeExactlyOne)
		return
	}
	if cond.WeeklyHours != nil {
		c.hours(path+".weeklyHours", cond.WeeklyHours)
	}
	if filter := cond.CallerFilter; filter != nil {
		path += ".callerFilter.prefixes"
		if len(filter.Prefixes) > MaxPrefixes {
			c.add(path, CodeTooMany, "max", MaxPrefixes)
			return
		}
		for i, prefix := range filter.Prefixes {
			if !prefixForm.MatchString(prefix) {
				c.add(fmt.Sprintf("%s[%d]", path, i), CodeFormat)
			}
		}
	}
}

func (c *checker) hours(path string, h *WeeklyHours) {
	if len(h.Rows) > MaxRows {
		c.add(path+".rows", CodeTooMany, "max", MaxRows)
		return
	}
	const day, week = 1440, 7 * 1440
	type span struct{ row, from, to int } // minutes after Sunday 00:00; to may pass the week's end
	var spans []span
	for i, row := range h.Rows {
		at := fmt.Sprintf("%s.rows[%d]", path, i)
		before := len(c.errs)
		if len(row.Days) == 0 {
			c.add(at+".days", CodeRequired)
		}
		within(c, at+".from", row.From, 0, day-1)
		within(c, at+".to", row.To, 0, day)
		seen := make(map[time.Weekday]bool)
		for _, d := range row.Days {
			if d < time.Sunday || d > time.Saturday {
				c.add(at+".days", CodeOutOfRange, "min", int64(time.Sunday), "max", int64(time.Saturday))
			} else if seen[d] {
				c.add(at+".days", CodeDuplicate, "value", int(d))
			}
			seen[d] = true
		}
		if len(c.errs) > before {
			continue
		}
		length := row.To - row.From
		if length <= 0 {
			length += day
		}
		for _, d := range row.Days {
			from := int(d)*day + row.From
			s := span{i, from, from + length}
			for _, o := range spans {
				// The week is a ring: compare also one week earlier and later.
				for _, shift := range []int{-week, 0, week} {
					if s.from+shift < o.to && o.from < s.to+shift {
						c.add(at, CodeOverlap, "other", o.row)
					}
				}
			}
			spans = append(spans, s)
		}
	}
}

func (c *checker) actions(path string, list []Action, ids map[string]bool) {
	if len(list) > MaxActions {
		c.add(path, CodeTooMany, "max", MaxActions)
		return
	}
	for i := range list {
		c.action(fmt.Sprintf("%s[%d]", path, i), &list[i], ids)
	}
}

func (c *checker) action(path string, a *Action, ids map[string]bool) {
	c.ownID(path+".id", a.ID, ids)
	switch a.Kind() {
	case "":
		c.add(path, CodeExactlyOne)
	case KindSetCallerName:
		c.text(path+".setCallerName.name", a.SetCallerName.Name, true, maxName)
		// The name is sent in SIP headers and shown by telephones.
		if strings.ContainsAny(a.SetCallerName.Name, `<>"\`) {
			c.add(path+".setCallerName.name", CodeFormat)
		}
	case KindPlayback:
		c.id(path+".playback.sound", a.Playback.Sound)
	case KindTTS:
		c.id(path+".tts.voiceText", a.TTS.VoiceText)
	case KindSleep:
		within(c, path+".sleep.time", a.Sleep.Time, second, 24*hour)
	case KindMenu:
		c.id(path+".menu.menu", a.Menu.Menu)
	case KindQueue:
		c.id(path+".queue.queue", a.Queue.Queue)
	case KindBridge:
		c.bridge(path+".bridge", a.Bridge)
	}
}

// bridge checks whom a bridge calls. One that names nobody passes, as other
// references that are still empty do.
func (c *checker) bridge(path string, b *Bridge) {
	set := 0
	for _, name := range []string{b.Agent, b.Line, b.Number} {
		if name != "" {
			set++
		}
	}
	if set > 1 {
		c.add(path, CodeExactlyOne)
		return
	}
	c.id(path+".agent", b.Agent)
	c.id(path+".line", b.Line)
	if b.Number != "" && !dialForm.MatchString(b.Number) {
		c.add(path+".number", CodeFormat)
	}
}
