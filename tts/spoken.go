package tts

import "github.com/carillon-cc/carillon/ccs"

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
