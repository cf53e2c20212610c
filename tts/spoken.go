package tts

import (
	"fmt"

	"github.com/carillon-cc/carillon/ccs"
)

// defaultVoices speak the built-in prompts.
var defaultVoices = map[string]string{
	"en": "espeak-ng:en-gb+f3",
	"fr": "espeak-ng:fr-fr+f3",
}

// spoken is what the built-in prompts say.
var spoken = map[string]map[string]string{
	"en": {
		ccs.BuiltinNotice:    "This call may be recorded, to help us improve our service.",
		ccs.BuiltinInvalid:   "Sorry, this choice does not exist.",
		ccs.BuiltinFarewell:  "Thank you for your call. Goodbye.",
		ccs.BuiltinBusy:      "All our agents are busy at the moment. Please call again later. Thank you for your patience.",
		ccs.BuiltinClosed:    "We are not available at the moment. Please call again later. Thank you.",
		ccs.BuiltinAnonymous: "We do not take calls with a hidden number. Please call again with your number shown. Thank you.",
	},
	"fr": {
		ccs.BuiltinNotice:    "Cet appel peut être enregistré, afin d'améliorer notre service.",
		ccs.BuiltinInvalid:   "Désolé, ce choix n'existe pas.",
		ccs.BuiltinFarewell:  "Merci de votre appel. Au revoir.",
		ccs.BuiltinBusy:      "Tous nos conseillers sont en ligne. Merci de rappeler un peu plus tard. Merci de votre patience.",
		ccs.BuiltinClosed:    "Nous ne sommes pas disponibles pour le moment. Merci de rappeler plus tard.",
		ccs.BuiltinAnonymous: "Nous ne prenons pas les appels masqués. Merci de rappeler en affichant votre numéro.",
	},
}

// questions is what somebody is asked who picks up an outside phone. The key is
// spelled out as a number or a word, for voices that would skip a sign.
var questions = map[string]struct{ queue, plain, own, star, hash string }{
	"en": {
		queue: "A call for %s. To take it, press %s.", plain: "A call for you. To take it, press %s.",
		own: "Your call is ready. To begin it, press %s.", star: "star", hash: "hash",
	},
	"fr": {
		queue: "Un appel pour %s. Pour le prendre, appuyez sur %s.", plain: "Un appel pour vous. Pour le prendre, appuyez sur %s.",
		own: "Votre appel est prêt. Pour le lancer, appuyez sur %s.", star: "étoile", hash: "dièse",
	},
}

// question is the text and voice that asks for a key. queue is the name of the
// queue from which the call comes, "" for another; own says that the asked has
// the call made.
func question(lang, queue string, own bool, key byte) (voice, text string) {
	q, ok := questions[lang]
	if !ok {
		lang = Languages()[0]
		q = questions[lang]
	}
	name := string(key)
	switch key {
	case '*':
		name = q.star
	case '#':
		name = q.hash
	}
	switch {
	case own:
		text = fmt.Sprintf(q.own, name)
	case queue != "":
		text = fmt.Sprintf(q.queue, queue, name)
	default:
		text = fmt.Sprintf(q.plain, name)
	}
	return defaultVoices[lang], text
}

// Languages are those of the built-in prompts; the first serves where a plan
// asks for another.
func Languages() []string { return []string{"en", "fr"} }

// spokenBuiltin is the text and voice of a built-in prompt, "" where it is not
// spoken or does not exist.
func spokenBuiltin(name, lang string) (voice, text string) {
	if spoken[lang] == nil {
		lang = Languages()[0]
	}
	return defaultVoices[lang], spoken[lang][name]
}
