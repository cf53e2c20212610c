// Package demo is a small contact center to try Carillon with: the number 1000
// with a greeting and a menu, two queues and two agents.
package demo

import (
	"time"

	"github.com/carillon-cc/carillon/ccs"
)

// Number is what callers of the demo dial.
const Number = "1000"

// The ids of the demo's objects.
const (
	PlanID    = "demo-plan"
	VersionID = "demo-plan-1"
	NumberID  = "demo-number"
	MenuID    = "demo-menu"
	SalesID   = "demo-sales"
	SupportID = "demo-support"
	AliceID   = "demo-alice"
	BobID     = "demo-bob"
	WelcomeID = "demo-welcome"
	ChoicesID = "demo-choices"
	MessageID = "demo-message"
)

// Set is everything that the demo consists of. The users have no password yet.
type Set struct {
	Number     ccs.Number
	Plan       ccs.Plan
	Version    ccs.PlanVersion
	Menus      []ccs.Menu
	Queues     []ccs.Queue
	Agents     []ccs.Agent
	Users      []ccs.User
	VoiceTexts []ccs.VoiceText
}

// words are what differs between the languages.
type words struct {
	voice, timeZone                       string
	plan, step, menu                      string
	sales, support                        string
	salesText, supportText                string
	welcomeName, choicesName, messageName string
	welcome, choices, message             string // spoken
	agent                                 string
}

var languages = map[string]words{
	"en": {
		voice: "espeak-ng:en-gb+f3", timeZone: "Europe/London",
		plan: "Demo", step: "Welcome", menu: "Main menu",
		sales: "Sales", support: "Support",
		salesText: "One agent after the other, always from the top", supportText: "All agents ring at once",
		welcomeName: "Welcome", choicesName: "Choices", messageName: "About Carillon",
		welcome: "Hello, and welcome to Carillon!",
		choices: "For sales, press 1. For support, press 2. To hear what Carillon is, press 3.",
		message: "Carillon is a contact center of your own. Your callers ring an ordinary number, and your team answers in the browser. Have fun trying it!",
		agent:   "Demo agent",
	},
	"fr": {
		voice: "espeak-ng:fr-fr+f3", timeZone: "Europe/Paris",
		plan: "Démonstration", step: "Accueil", menu: "Menu principal",
		sales: "Ventes", support: "Assistance",
		salesText: "Un agent après l'autre, toujours depuis le premier", supportText: "Tous les agents sonnent en même temps",
		welcomeName: "Bienvenue", choicesName: "Choix", messageName: "À propos de Carillon",
		welcome: "Bonjour, et bienvenue chez Carillon !",
		choices: "Pour le service des ventes, tapez 1. Pour l'assistance, tapez 2. Pour savoir ce qu'est Carillon, tapez 3.",
		message: "Carillon est un centre de contact bien à vous. Vos clients appellent un numéro ordinaire, et votre équipe répond dans le navigateur. Bon essai !",
		agent:   "Agent de démonstration",
	},
}

// New makes the demo in a language, "en" where there is none in lang, as it is
// published at now.
func New(lang string, now time.Time) Set {
	w, ok := languages[lang]
	if !ok {
		lang = "en"
		w = languages[lang]
	}
	flow := ccs.Flow{
		TimeZone: w.timeZone,
		Language: lang,
		Farewell: ccs.Prompt{Builtin: ccs.BuiltinFarewell},
		Steps: []ccs.Step{{
			ID: "demo-step", Name: w.step,
			Actions: []ccs.Action{
				{ID: "demo-speak-welcome", TTS: &ccs.TTS{VoiceText: WelcomeID}},
				{ID: "demo-run-menu", Menu: &ccs.RunMenu{Menu: MenuID}},
			},
		}},
	}
	members := []ccs.QueueMember{{Agent: AliceID}, {Agent: BobID}}
	queue := func(id, name, description string, strategy ccs.Strategy) ccs.Queue {
		return ccs.Queue{
			Meta: ccs.Meta{ID: id}, Name: name, Description: description, Strategy: strategy, Members: members,
			MaxWaiting: 20, MaxWait: ccs.MillisOf(10 * time.Minute), Record: true,
			Overflow: ccs.QueueExit{Prompt: ccs.Prompt{Builtin: ccs.BuiltinBusy}},
			Closure:  ccs.QueueExit{Prompt: ccs.Prompt{Builtin: ccs.BuiltinClosed}},
		}
	}
	text := func(id, name, words string) ccs.VoiceText {
		return ccs.VoiceText{Meta: ccs.Meta{ID: id}, Name: name, Text: words, Voice: w.voice}
	}
	agent := func(id string) ccs.Agent {
		return ccs.Agent{
			Meta: ccs.Meta{ID: id}, Description: w.agent, SimultaneousCalls: 1,
			RingTimeout: ccs.MillisOf(20 * time.Second), WrapUp: ccs.MillisOf(5 * time.Second),
		}
	}
	user := func(id, login, name string) ccs.User {
		return ccs.User{Meta: ccs.Meta{ID: id}, Login: login, Name: name, Role: ccs.RoleAgent}
	}
	return Set{
		Number: ccs.Number{Meta: ccs.Meta{ID: NumberID}, Number: Number, Label: w.plan, PlanID: PlanID},
		Plan:   ccs.Plan{Meta: ccs.Meta{ID: PlanID}, Name: w.plan, Draft: flow, Published: VersionID},
		Version: ccs.PlanVersion{
			Meta: ccs.Meta{ID: VersionID}, PlanID: PlanID, Version: 1, PublishedAt: now, Flow: flow,
		},
		Menus: []ccs.Menu{{
			Meta: ccs.Meta{ID: MenuID}, Name: w.menu, Greeting: ccs.Prompt{VoiceText: ChoicesID},
			Keys: []ccs.MenuKey{
				{Keys: "1", Actions: []ccs.Action{{ID: "demo-enter-sales", Queue: &ccs.EnterQueue{Queue: SalesID}}}},
				{Keys: "2", Actions: []ccs.Action{{ID: "demo-enter-support", Queue: &ccs.EnterQueue{Queue: SupportID}}}},
				// Then the menu starts again.
				{Keys: "3", Actions: []ccs.Action{{ID: "demo-speak-message", TTS: &ccs.TTS{VoiceText: MessageID}}}},
			},
		}},
		Queues: []ccs.Queue{
			queue(SalesID, w.sales, w.salesText, ccs.Sequential),
			queue(SupportID, w.support, w.supportText, ccs.RingAll),
		},
		Agents: []ccs.Agent{agent(AliceID), agent(BobID)},
		Users:  []ccs.User{user(AliceID, "alice", "Alice"), user(BobID, "bob", "Bob")},
		VoiceTexts: []ccs.VoiceText{
			text(WelcomeID, w.welcomeName, w.welcome),
			text(ChoicesID, w.choicesName, w.choices),
			text(MessageID, w.messageName, w.message),
		},
	}
}
