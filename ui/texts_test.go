package ui

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/sipgw"
	"github.com/carillon-cc/carillon/sipgw/trunk"
)

func catalogue(t *testing.T) *Catalogue {
	t.Helper()
	c, err := NewCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEveryLanguageHasTheSameTexts(t *testing.T) {
	c := catalogue(t)
	want := c.Texts("en").IDs()
	for _, lang := range Languages {
		texts := c.Texts(lang)
		if got := texts.IDs(); !slices.Equal(got, want) {
			for _, id := range want {
				if !texts.Has(id) {
					t.Errorf("%s lacks %s", lang, id)
				}
			}
			for _, id := range got {
				if !c.Texts("en").Has(id) {
					t.Errorf("%s has %s, which en lacks", lang, id)
				}
			}
		}
	}
}

var parameter = regexp.MustCompile(`\{\{\s*\.(\w+)\s*\}\}`)

func TestEveryLanguageUsesTheSameParameters(t *testing.T) {
	c := catalogue(t)
	for _, id := range c.Texts("en").IDs() {
		want := parameters(c.Texts("en").raw[id])
		for _, lang := range Languages {
			text := c.Texts(lang).raw[id]
			if text == "" {
				t.Errorf("%s in %s is empty", id, lang)
			}
			if got := parameters(text); !slices.Equal(got, want) {
				t.Errorf("%s in %s has the parameters %v, in en %v", id, lang, got, want)
			}
		}
	}
}

func parameters(text string) []string {
	var names []string
	for _, m := range parameter.FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// A use of a text by its whole id, in templates and Go as T("…"), in scripts as
// t("…"), and as the argument of functions that take an id.
var used = regexp.MustCompile(`\b(?:T|t|Or|page|hasText|toggle)\((?:r, |texts, |[^()"]*\? )?"([a-z]\w*(?:\.[\w]+)+)"`)

// A literal in a script that looks like an id.
var literal = regexp.MustCompile(`"((?:desk|state)\.[\w.]+)"`)

func TestEveryTextThatIsUsedExists(t *testing.T) {
	texts := catalogue(t).Texts("en")
	count := 0
	for _, place := range []struct {
		pattern string
		ids     *regexp.Regexp
	}{
		{"templates/*.templ", used},
		{"*.go", used},
		{"../server/web/*.go", used},
		{"../static/src/*.ts", literal},
		{"../static/src/*/*.ts", literal},
	} {
		files, err := filepath.Glob(place.pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no files (%v)", place.pattern, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range place.ids.FindAllStringSubmatch(string(data), -1) {
				count++
				if !texts.Has(m[1]) {
					t.Errorf("%s uses %s, which does not exist", file, m[1])
				}
			}
		}
	}
	if count < 100 {
		t.Errorf("only %d uses were found: the search is broken", count)
	}
}

func TestTextsMadeOfValuesExist(t *testing.T) {
	texts := catalogue(t).Texts("en")
	want := func(format string, values ...string) {
		t.Helper()
		for _, v := range values {
			if id := fmt.Sprintf(format, v); !texts.Has(id) {
				t.Errorf("%s does not exist", id)
			}
		}
	}
	reasons := constantsOf(t, "../call/cause.go", "Reason")
	if len(reasons) < 30 {
		t.Errorf("only %d reasons were found: the search is broken", len(reasons))
	}
	want("cause.%s", reasons...)
	want("q850.%s", "1", "16", "17", "19", "21", "34", "38", "41", "other")
	want("call.quality.%s", "good", "fair", "poor", "none", "side.caller", "side.agent", "side.called")
	want("calls.direction.%s", "out", "internal")
	for kind := range timelineMarks {
		switch kind {
		case ccs.EventAction, ccs.EventActionFailed, ccs.EventLeftQueue, ccs.EventMenu, ccs.EventOfferEnded, ccs.EventPrompt:
			want("event.%s.other", string(kind))
		case ccs.EventCondition:
			want("event.condition.%s", "weeklyHours.holds", "weeklyHours.fails", "callerFilter.holds", "callerFilter.fails")
		default:
			want("event.%s", string(kind))
		}
	}
	want("event.action.%s", "setCallerName", "playback", "tts", "sleep", "menu", "queue", "bridge", "hangup", "menuBack", "menuTop", "menuExit")
	want("event.offerEnded.%s", "missed", "declined", "undelivered", "withdrawn", "failed", "engaged", "forwarded")
	want("event.leftQueue.%s", "connected", "maxWait", "full", "closed")
	want("builtin.%s", ccs.Builtins()...)
	want("outcome.%s", "talking", "waiting", "inPlan", "answered", "abandoned", "leftEarly", "notAnswered", "planEnded", "refused", "brokeOff", "calling", "notReached")
	want("role.%s", string(ccs.RoleAdministrator), string(ccs.RoleSupervisor), string(ccs.RoleAgent))
	want("language.%s", Languages...)
	want("theme.%s", "light", "dark", "system")
	want("nav.%s", "agent", "calls", "numbers", "agents", "lines", "trunks")
	want("away.reason.%s", AwayReasons...)
	want("state.%s", "offline", "away", "ready", "ringing", "talking", "wrapUp", "notResponding")
	for _, kind := range []string{"offline", "away", "ready", "blocked", "notResponding"} {
		want("desk.waiting."+kind+".%s", "title", "text")
	}
	for _, p := range []string{
		"socket", "signedOut", "signalling", "media", "audio", "microphone", "denied", "absent", "inUse", "insecure", "silent",
		"noTelephone", "lineUnregistered", "phoneNotAllowed", "trunkDown", "telephoneSilent",
	} {
		want("desk.problem."+p+".%s", "title", "text")
	}
	want("desk.ringsOn.%s", "calling", "ringing", "confirm")
	want("desk.phase.%s", "telephone", "confirm", "calling", "ringing", "notReached")
	want("desk.device.%s", "line", "phone")
	want("desk.notice.%s", "offer.engaged", "offer.forwarded", "offer.failed", "call.telephoneLost", "offer.taken", "offer.withdrawn", "offer.missed", "call.lost", "call.returned",
		"call.ended.caller", "call.ended.agent", "call.ended.called", "call.ended.system")
	for _, p := range []string{"notFound", "forbidden", "crossOrigin", "badRequest", "failed", "storeDown"} {
		want("problem."+p+".%s", "title", "text")
	}
	for i := range 7 {
		want("date.weekday.%s", fmt.Sprint(i))
	}
	for i := range 12 {
		want("date.month.%s", fmt.Sprint(i+1))
	}
}

// constantsOf are the values of a source file's constants of a type of texts.
func constantsOf(t *testing.T, file, typeName string) []string {
	t.Helper()
	source, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	ast.Inspect(source, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if name, ok := spec.Type.(*ast.Ident); ok && name.Name == typeName {
			for _, v := range spec.Values {
				if text, err := strconv.Unquote(v.(*ast.BasicLit).Value); err == nil {
					values = append(values, text)
				}
			}
		}
		return true
	})
	return values
}

func TestEveryKindOfEventHasItsMark(t *testing.T) {
	for _, kind := range constantsOf(t, "../ccs/record.go", "EventKind") {
		if _, ok := timelineMarks[ccs.EventKind(kind)]; !ok {
			t.Errorf("%s has no mark in the timeline", kind)
		}
	}
}

// A finding of the trunk doctor: its check and its code.
var finding = regexp.MustCompile(`(?:add\("(\w+)", \w+, |code(?:, \w+)? :?= |level, code :?= \w+, )"([\w.]+)"`)

var said = regexp.MustCompile(`^doctor\.(settings|dns|reach|tls|register|call|media|check)\.`)

func TestFindingsOfTheTrunkDoctorHaveWords(t *testing.T) {
	texts := catalogue(t).Texts("en")
	files, err := filepath.Glob("../sipgw/doctor*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files (%v)", err)
	}
	ids := make(map[string]bool)
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range finding.FindAllStringSubmatch(string(data), -1) {
			if m[1] != "" {
				ids["doctor.check."+m[1]] = true
			}
			if !strings.HasSuffix(m[2], ".") {
				ids["doctor."+m[2]] = true
			}
		}
	}
	for _, g := range []trunk.Guard{
		trunk.GuardNumber, trunk.GuardPrefix, trunk.GuardBlocked, trunk.GuardPremium,
		trunk.GuardCalls, trunk.GuardOutgoing, trunk.GuardDaily, trunk.GuardAgent,
	} {
		ids["doctor.call.guard."+string(g)], ids["guard."+string(g)] = true, true
	}
	for _, s := range []sipgw.TrunkStatus{sipgw.TrunkUp, sipgw.TrunkDegraded, sipgw.TrunkDown, sipgw.TrunkUnregistered, sipgw.TrunkDisabled} {
		ids["trunk.status."+string(s)] = true
	}
	for _, r := range []string{
		sipgw.ReasonStarting, sipgw.ReasonDNS, sipgw.ReasonTargets, sipgw.ReasonRefusedUser, sipgw.ReasonRegister,
		sipgw.ReasonCertificateName, sipgw.ReasonCertificateExpired, sipgw.ReasonCertificateAuthority,
	} {
		ids["trunk.reason."+r] = true
	}
	for id := range ids {
		if !texts.Has(id) {
			t.Errorf("%s does not exist", id)
		}
	}
	for _, id := range texts.IDs() {
		if said.MatchString(id) && !ids[id] {
			t.Errorf("%s is never said", id)
		}
	}
	if len(ids) < 50 {
		t.Errorf("only %d were found: the search is broken", len(ids))
	}
}

func TestChooseTakesTheFirstWishThatCanBeFulfilled(t *testing.T) {
	c := catalogue(t)
	for _, x := range []struct {
		wishes []string
		want   string
	}{
		{nil, "en"},
		{[]string{"", "fr-CH,fr;q=0.9,en;q=0.8"}, "fr"},
		{[]string{"fr", "en"}, "fr"},
		{[]string{"ja", "fr"}, "fr"},
		{[]string{"ja,ko"}, "en"},
		{[]string{"en-GB", "fr"}, "en"},
		{[]string{";;;garbage", "fr"}, "fr"},
	} {
		if got := c.Choose(x.wishes...).Language; got != x.want {
			t.Errorf("%q gives %s, want %s", x.wishes, got, x.want)
		}
	}
}

func TestPluralFollowsTheCount(t *testing.T) {
	texts := catalogue(t).Texts("en")
	if one, two := texts.T("login.slow", "Count", 1), texts.T("login.slow", "Count", 2); !strings.Contains(one, "1 second.") ||
		!strings.Contains(two, "2 seconds.") {
		t.Errorf("got %q and %q", one, two)
	}
}

// A literal in the administrators' templates that looks like an id of theirs.
var adminLiteral = regexp.MustCompile(`"((?:form|numbers?|lines?|agents?|trunks?|doctor)\.[\w.]+[\w])"`)

func TestEveryTextOfTheAdministratorsPagesExists(t *testing.T) {
	texts := catalogue(t).Texts("en")
	count := 0
	for _, pattern := range []string{"templates/*.templ", "../server/web/*.go", "*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range adminLiteral.FindAllStringSubmatch(string(data), -1) {
				if strings.HasSuffix(m[1], ".js") {
					continue
				}
				count++
				if !texts.Has(m[1]) {
					t.Errorf("%s uses %s, which does not exist", file, m[1])
				}
			}
		}
	}
	if count < 10 {
		t.Errorf("only %d uses were found: the search is broken", count)
	}
	for _, kind := range []string{"number", "line", "trunk", "agent"} {
		for _, id := range []string{"s.title", "s.lead", "s.new", "s.none.title", "s.none.text", "s.back", ".delete", ".delete.text", ".delete.sure", ".inUse"} {
			if !texts.Has(kind + id) {
				t.Errorf("%s%s does not exist", kind, id)
			}
		}
	}
	for _, code := range []ccs.Code{
		ccs.CodeRequired, ccs.CodeTooLong, ccs.CodeTooMany, ccs.CodeOutOfRange, ccs.CodeFormat, ccs.CodeUnknownValue,
		ccs.CodeDuplicate, ccs.CodeExactlyOne, ccs.CodeOverlap, ccs.CodeOwn, "taken", "gone", "other",
	} {
		if !texts.Has("field." + string(code)) {
			t.Errorf("field.%s does not exist", code)
		}
	}
}
