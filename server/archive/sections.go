package archive

import (
	"encoding/json"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/store"
)

// sections are all kinds of objects of a configuration.
type sections struct {
	users        section[ccs.User, *ccs.User]
	agents       section[ccs.Agent, *ccs.Agent]
	sounds       section[ccs.Sound, *ccs.Sound]
	voiceTexts   section[ccs.VoiceText, *ccs.VoiceText]
	queues       section[ccs.Queue, *ccs.Queue]
	menus        section[ccs.Menu, *ccs.Menu]
	planVersions section[ccs.PlanVersion, *ccs.PlanVersion]
	plans        section[ccs.Plan, *ccs.Plan]
	numbers      section[ccs.Number, *ccs.Number]
	lines        section[ccs.Line, *ccs.Line]
	trunks       section[ccs.Trunk, *ccs.Trunk]
}

func newSections(t *store.Tables) *sections {
	s := &sections{}
	s.users = section[ccs.User, *ccs.User]{
		name: "users", table: t.Users, title: func(u *ccs.User) string { return u.Login }, check: checkUser,
		unique: func(u *ccs.User) string { return u.Login }, uniqueField: "login",
	}
	s.agents = section[ccs.Agent, *ccs.Agent]{
		name: "agents", table: t.Agents, title: func(a *ccs.Agent) string { return a.Description }, check: (*ccs.Agent).Check,
	}
	s.sounds = section[ccs.Sound, *ccs.Sound]{
		name: "sounds", table: t.Sounds, title: func(v *ccs.Sound) string { return v.Name }, check: (*ccs.Sound).Check,
	}
	s.voiceTexts = section[ccs.VoiceText, *ccs.VoiceText]{
		name: "voiceTexts", table: t.VoiceTexts, title: func(v *ccs.VoiceText) string { return v.Name }, check: (*ccs.VoiceText).Check,
	}
	s.queues = section[ccs.Queue, *ccs.Queue]{
		name: "queues", table: t.Queues, title: func(q *ccs.Queue) string { return q.Name },
	}
	s.menus = section[ccs.Menu, *ccs.Menu]{
		name: "menus", table: t.Menus, title: func(m *ccs.Menu) string { return m.Name },
	}
	s.planVersions = section[ccs.PlanVersion, *ccs.PlanVersion]{
		name: "planVersions", table: t.Versions, title: versionTitle, check: checkVersion,
	}
	s.plans = section[ccs.Plan, *ccs.Plan]{
		name: "plans", table: t.Plans, title: func(p *ccs.Plan) string { return p.Name }, check: (*ccs.Plan).Check,
	}
	s.numbers = section[ccs.Number, *ccs.Number]{
		name: "numbers", table: t.Numbers, title: func(n *ccs.Number) string { return n.Number }, check: (*ccs.Number).Check,
		unique: func(n *ccs.Number) string { return n.Number }, uniqueField: "number",
	}
	s.lines = section[ccs.Line, *ccs.Line]{
		name: "lines", table: t.Lines, title: func(l *ccs.Line) string { return l.Name }, check: (*ccs.Line).Check,
		unique: func(l *ccs.Line) string { return l.Number }, uniqueField: "number",
	}
	s.trunks = section[ccs.Trunk, *ccs.Trunk]{
		name: "trunks", table: t.Trunks, title: func(v *ccs.Trunk) string { return v.Name }, check: (*ccs.Trunk).Check,
	}
	return s
}

// filed is a section with its place in the file.
type filed struct {
	part
	in *[]json.RawMessage
}

// inOrder lists the sections so that what others refer to comes first: whoever
// reads the store while an import goes on finds no reference to nothing.
func (s *sections) inOrder(c *Configuration) []filed {
	return []filed{
		{&s.trunks, &c.Trunks},
		{&s.lines, &c.Lines},
		{&s.users, &c.Users},
		{&s.agents, &c.Agents},
		{&s.sounds, &c.Sounds},
		{&s.voiceTexts, &c.VoiceTexts},
		{&s.queues, &c.Queues},
		{&s.menus, &c.Menus},
		{&s.planVersions, &c.PlanVersions},
		{&s.plans, &c.Plans},
		{&s.numbers, &c.Numbers},
	}
}
