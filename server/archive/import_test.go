package archive

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/ccs/demo"
	"github.com/carillon-cc/carillon/store"
)

func TestConfigurationGoesToAnotherStore(t *testing.T) {
	from, to := openSQLite(t), openSQLite(t)
	fillCenter(t, from)
	file := exportOf(t, from, true)
	m := mustImport(t, to, file)
	if len(m.WithoutPassword) > 0 || len(m.Changes) != 17 {
		t.Errorf("without password: %v; %d changes", m.WithoutPassword, len(m.Changes))
	}
	if got := exportOf(t, to, true); got != file {
		t.Errorf("exported again, it differs:\n%s", got)
	}
	sound, err := tablesOf(t, to).Sounds.Get(t.Context(), "greeting")
	if err != nil {
		t.Fatal(err)
	}
	audio, err := readBlob(t.Context(), to.Blobs(), sound.Blob)
	if err != nil || !bytes.Equal(audio, wavFile(800)) || sound.Duration != 100 {
		t.Errorf("the sound is %+v with %d bytes, %v", sound, len(audio), err)
	}
	if calls, _, err := tablesOf(t, to).Calls.List(t.Context(), store.Query{}); err != nil || len(calls) > 0 {
		t.Errorf("%d calls came along, %v", len(calls), err)
	}
}

func TestExportIsStableAndKeepsSecrets(t *testing.T) {
	db := openSQLite(t)
	fillCenter(t, db)
	file := exportOf(t, db, false)
	for _, secret := range []string{"argon2id", "passwordHash", "password", "secrets", trunkPassword, strings.Repeat("a", 32), "revision", "session", "+44163296", "uploads/"} {
		if strings.Contains(file, secret) {
			t.Errorf("the file has %q in it", secret)
		}
	}
	if !strings.Contains(file, `"Greeting <&>"`) {
		t.Error("signs are written as for HTML")
	}
	// A change and its undoing leave no trace.
	tables := tablesOf(t, db)
	for _, name := range []string{"Other", "Sales"} {
		q, err := tables.Queues.Get(t.Context(), demo.SalesID)
		if err != nil {
			t.Fatal(err)
		}
		q.Name = name
		put(t, tables.Queues, *q)
	}
	if again := exportOf(t, db, false); again != file {
		t.Error("a second export differs")
	}
}

func TestImportIntoTheSameStoreChangesNothing(t *testing.T) {
	db := openSQLite(t)
	fillCenter(t, db)
	docs, blobs := content(t, db)
	m := mustImport(t, db, exportOf(t, db, false))
	for _, c := range m.Changes {
		if c.Kind != Unchanged {
			t.Errorf("%+v", c)
		}
	}
	gotDocs, gotBlobs := content(t, db)
	if !reflect.DeepEqual(docs, gotDocs) || !reflect.DeepEqual(blobs, gotBlobs) {
		t.Error("the store was changed")
	}
	if len(m.WithoutPassword)+len(m.WithoutSecret) > 0 {
		t.Errorf("passwords of %v %v are gone", m.WithoutPassword, m.WithoutSecret)
	}
}

func TestImportReplacesWhatDiffersAndSaysWhat(t *testing.T) {
	db := openSQLite(t)
	fillCenter(t, db)
	before, _ := content(t, db)
	file := exportOf(t, db, false)
	file = strings.Replace(file, `"strategy": "sequential"`, `"strategy": "ringAll"`, 1)
	file = strings.Replace(file, `"name": "Alice"`, `"name": "Alice B"`, 1)
	file = strings.Replace(file, base64.StdEncoding.EncodeToString(wavFile(800)), base64.StdEncoding.EncodeToString(wavFile(1600)), 1)
	file = strings.Replace(file, `"agents": [`, `"agents": [{"id":"boss"},`, 1)

	m, err := planOf(t, db, file)
	if err != nil {
		t.Fatal(err)
	}
	if after, _ := content(t, db); !reflect.DeepEqual(before, after) {
		t.Error("the plan alone changed the store")
	}
	var text strings.Builder
	if err := Describe(&text, m.Changes); err != nil {
		t.Fatal(err)
	}
	want := `replace  users demo-alice (alice)
           name: "Alice" → "Alice B"
create   agents boss
replace  sounds greeting (Greeting <&>)
           blob: … → (audio)
           duration: 100 → 200
replace  queues demo-sales (Sales)
           strategy: "sequential" → "ringAll"
1 to create, 3 to replace, 14 unchanged
`
	if text.String() != want {
		t.Errorf("described as\n%s", &text)
	}
	if err := m.Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	tables := tablesOf(t, db)
	alice, err := tables.Users.Get(t.Context(), demo.AliceID)
	if err != nil || alice.Name != "Alice B" || alice.PasswordHash != passwordHash || alice.Revision != 2 || alice.Created.IsZero() {
		t.Errorf("alice is %+v, %v", alice, err)
	}
	sound, err := tables.Sounds.Get(t.Context(), "greeting")
	if err != nil {
		t.Fatal(err)
	}
	if audio, err := readBlob(t.Context(), db.Blobs(), sound.Blob); err != nil || !bytes.Equal(audio, wavFile(1600)) {
		t.Errorf("the sound has %d bytes, %v", len(audio), err)
	}
	// What was changed meanwhile is not overwritten.
	if err := m.Apply(t.Context()); !errors.Is(err, store.ErrConflict) {
		t.Errorf("applied twice: %v", err)
	}
}

// edit changes the only place of a file.
func edit(t *testing.T, file, old, now string) string {
	t.Helper()
	if strings.Count(file, old) != 1 {
		t.Fatalf("%q is there %d times", old, strings.Count(file, old))
	}
	return strings.Replace(file, old, now, 1)
}

func TestBadConfigurationsAreRefusedByField(t *testing.T) {
	db := openSQLite(t)
	fillCenter(t, db)
	file := exportOf(t, db, false)
	before, blobsBefore := content(t, db)
	tree := func(change func(c map[string]any)) string {
		var c map[string]any
		if err := json.Unmarshal([]byte(file), &c); err != nil {
			t.Fatal(err)
		}
		change(c)
		data, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	// set changes fields of one object.
	set := func(section string, i int, fields map[string]any) string {
		return tree(func(c map[string]any) { maps.Copy(c[section].([]any)[i].(map[string]any), fields) })
	}
	add := func(section string, object map[string]any) string {
		return tree(func(c map[string]any) { c[section] = append(c[section].([]any), object) })
	}
	type m = map[string]any
	for name, c := range map[string]struct{ file, want string }{
		"field of check":       {set("agents", 0, m{"ringTimeout": 1}), "agents[0].ringTimeout: outOfRange"},
		"field of queue":       {set("queues", 1, m{"maxWaiting": -1}), "queues[1].maxWaiting: outOfRange"},
		"unknown field":        {set("queues", 0, m{"maxWaitin": 1}), `queues[0]: unknown field "maxWaitin"`},
		"type of field":        {set("queues", 0, m{"maxWait": "1 min"}), "queues[0]: cannot unmarshal string into Go struct field Queue.maxWait"},
		"no object":            {tree(func(c m) { c["menus"] = []any{nil} }), "menus[0]: is not an object"},
		"no id":                {set("menus", 0, m{"id": ""}), "menus[0].id: is required"},
		"odd id":               {set("menus", 0, m{"id": "a b"}), "menus[0].id: \"a b\" has other"},
		"id twice":             {set("queues", 1, m{"id": demo.SalesID}), `queues[1].id: "demo-sales" is there twice`},
		"member unknown":       {set("queues", 0, m{"members": []any{m{"agent": "nobody"}}}), "queues[0].members[0].agent: unknownObject id=nobody kind=agent"},
		"menu into itself":     {set("menus", 0, m{"keys": []any{m{"keys": "1", "actions": []any{m{"id": "a", "menu": m{"menu": demo.MenuID}}}}}}), "menus[0].keys[0].actions[0].menu.menu: menuLoop"},
		"plan without zone":    {set("plans", 0, m{"draft": m{"timeZone": "", "language": "en", "steps": nil}}), "plans[0].draft.timeZone: required"},
		"published nothing":    {set("plans", 0, m{"published": "gone"}), `plans[0].published: there is no plan version "gone"`},
		"version changed":      {set("planVersions", 0, m{"publishedBy": "boss"}), "planVersions[0]: was published and differs"},
		"new version bad":      {add("planVersions", m{"id": "v2", "planId": demo.PlanID, "version": 2, "publishedAt": noon, "flow": m{"timeZone": "Europe/Paris", "language": "de", "steps": nil}}), "planVersions[1].flow.language: unknownValue"},
		"version number taken": {add("planVersions", m{"id": "v2", "planId": demo.PlanID, "version": 1, "publishedAt": noon, "flow": m{"timeZone": "UTC", "language": "en", "steps": nil}}), `planVersions[1].version: 1 is also the number`},
		"number without plan":  {set("numbers", 0, m{"planId": "gone"}), `numbers[0].planId: there is no plan "gone"`},
		"number taken":         {add("numbers", m{"id": "n2", "number": demo.Number}), `numbers[1].number: "1000" is also that of numbers[0]`},
		"login taken":          {set("users", 0, m{"login": "bob"}), `login: "bob" is also that of users[`},
		"login in capitals":    {set("users", 0, m{"login": "Admin"}), "users[0].login: format want=small letters"},
		"password in clear":    {set("users", 0, m{"passwordHash": "secret"}), "users[0].passwordHash: format want=argon2id"},
		"no administrator":     {set("users", 0, m{"role": "agent"}), "users: no administrator would be left"},
		"agent without user":   {add("agents", m{"id": "ghost"}), `agents[2].id: there is no user "ghost"`},
		"sound without audio":  {set("sounds", 0, m{"audio": ""}), "sounds[0]: audio:"},
		"sound no WAV":         {set("sounds", 0, m{"audio": base64.StdEncoding.EncodeToString(noise(100))}), "sounds[0]: audio:"},
		"text without voice":   {set("voiceTexts", 2, m{"voice": ""}), "voiceTexts[2].voice: required"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := planOf(t, db, c.file)
			var problems *Problems
			if !errors.As(err, &problems) {
				t.Fatalf("error %v", err)
			}
			if !slices.ContainsFunc(problems.List(), func(s string) bool { return strings.Contains(s, c.want) }) {
				t.Errorf("problems\n%s\nwant one with %q", strings.Join(problems.List(), "\n"), c.want)
			}
		})
	}
	if after, blobs := content(t, db); !reflect.DeepEqual(before, after) || !reflect.DeepEqual(blobsBefore, blobs) {
		t.Error("the store was changed")
	}
}

func TestFilesThatAreNoConfigurationAreRefused(t *testing.T) {
	for file, want := range map[string]string{
		"":                           "unexpected end",
		"{\n\"format\":\n}":          "line 3: ",
		`{"format":"x","version":1}`: `format: is "x"`,
		`{"format":"` + configurationFormat + `","version":2}`:             "newer Carillon",
		`{"format":"` + configurationFormat + `"}`:                         "version: 0",
		`{"format":"` + configurationFormat + `","version":1,"queue":[]}`:  `unknown field "queue"`,
		`{"format":"` + configurationFormat + `","version":1,"queues":{}}`: "queues",
	} {
		if _, err := ReadConfiguration(strings.NewReader(file)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", file, err, want)
		}
	}
}

func TestAllProblemsAreToldAtOnce(t *testing.T) {
	db := openSQLite(t)
	fillCenter(t, db)
	file := exportOf(t, db, false)
	file = edit(t, file, `"number": "1000"`, `"number": "10 00"`)
	file = edit(t, file, `"name": "Main menu"`, `"name": ""`)
	file = edit(t, file, `"login": "bob"`, `"login": ""`)
	_, err := planOf(t, db, file)
	for _, want := range []string{"problems: 3", "numbers[0].number: format", "menus[0].name: required", "users[2].login: required"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in %v", want, err)
		}
	}
}

// An import that breaks what stays in the store is the import's fault; what was
// broken before is not.
func TestImportAnswersForTheStoreToo(t *testing.T) {
	db := openSQLite(t)
	fillCenter(t, db)
	put(t, tablesOf(t, db).Queues, ccs.Queue{Meta: ccs.Meta{ID: "broken"}, Name: "x", Strategy: ccs.RingAll, Members: []ccs.QueueMember{{Agent: "gone"}}})
	put(t, tablesOf(t, db).Menus, ccs.Menu{
		Meta: ccs.Meta{ID: "outer"}, Name: "Outer", Greeting: ccs.Prompt{Builtin: ccs.BuiltinBusy},
		Keys: []ccs.MenuKey{{Keys: "1", Actions: []ccs.Action{{ID: "a", Menu: &ccs.RunMenu{Menu: demo.MenuID}}}}},
	})
	file := `{"format":"` + configurationFormat + `","version":1,"menus":[{"id":"demo-menu","name":"Main","greeting":{"builtin":"busy"},
		"keys":[{"keys":"1","actions":[{"id":"b","menu":{"menu":"outer"}}]}]}]}`
	file = strings.Replace(file, `"busy"`, `"`+ccs.BuiltinBusy+`"`, 1)
	_, err := planOf(t, db, file)
	if err == nil || !strings.Contains(err.Error(), "menus of the store: outer.keys[0].actions[0].menu.menu: menuLoop") {
		t.Errorf("error %v", err)
	}
	if err != nil && strings.Contains(err.Error(), "broken") {
		t.Errorf("what was wrong before is told: %v", err)
	}
}

func TestImportedUserIsTheOneWithTheSameLogin(t *testing.T) {
	from, to := openSQLite(t), openSQLite(t)
	fillCenter(t, from)
	tables := tablesOf(t, from)
	put(t, tables.Agents, ccs.Agent{Meta: ccs.Meta{ID: "boss"}})
	q, err := tables.Queues.Get(t.Context(), demo.SalesID)
	if err != nil {
		t.Fatal(err)
	}
	q.Members = append(q.Members, ccs.QueueMember{Agent: "boss"})
	put(t, tables.Queues, *q)
	put(t, tablesOf(t, to).Users, ccs.User{Meta: ccs.Meta{ID: "chief"}, Login: "admin", Role: ccs.RoleAdministrator, PasswordHash: passwordHash})

	m := mustImport(t, to, exportOf(t, from, false))
	if len(m.Adopted) != 1 || !slices.Equal(m.WithoutPassword, []string{"alice", "bob"}) {
		t.Errorf("adopted %v, without password %v", m.Adopted, m.WithoutPassword)
	}
	there := tablesOf(t, to)
	if q, err := there.Queues.Get(t.Context(), demo.SalesID); err != nil || q.Members[2].Agent != "chief" {
		t.Errorf("queue %+v, %v", q, err)
	}
	if _, err := there.Agents.Get(t.Context(), "chief"); err != nil {
		t.Error(err)
	}
	if u, err := there.Users.Get(t.Context(), "chief"); err != nil || u.PasswordHash != passwordHash {
		t.Errorf("user %+v, %v", u, err)
	}
	if alice, err := there.Users.Get(t.Context(), demo.AliceID); err != nil || alice.PasswordHash != "" {
		t.Errorf("user %+v, %v", alice, err)
	}
	// And it finds its way back.
	for _, c := range mustImport(t, to, exportOf(t, from, false)).Changes {
		if c.Kind != Unchanged {
			t.Errorf("imported again: %+v", c)
		}
	}
}

func TestUniqueValuesMayPassOn(t *testing.T) {
	db := openSQLite(t)
	put(t, tablesOf(t, db).Numbers,
		ccs.Number{Meta: ccs.Meta{ID: "a"}, Number: "1"}, ccs.Number{Meta: ccs.Meta{ID: "b"}, Number: "2"}, ccs.Number{Meta: ccs.Meta{ID: "c"}, Number: "3"})
	head := `{"format":"` + configurationFormat + `","version":1,"numbers":`
	mustImport(t, db, head+`[{"id":"a","number":"2"},{"id":"b","number":"3"},{"id":"c","number":"4"}]}`)
	for id, want := range map[string]string{"a": "2", "b": "3", "c": "4"} {
		if n, err := tablesOf(t, db).Numbers.Get(t.Context(), id); err != nil || n.Number != want {
			t.Errorf("%s has %+v, %v", id, n, err)
		}
	}
	// In a ring nobody can go first.
	_, err := planOf(t, db, head+`[{"id":"a","number":"3"},{"id":"b","number":"2"}]}`)
	if err == nil || !strings.Contains(err.Error(), `numbers[0].number: "3" belongs to b at present`) {
		t.Errorf("error %v", err)
	}
}

func TestFilesAppearWholeOrNotAtAll(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "x.json")
	write := func(text string, fail error) func(w io.Writer) error {
		return func(w io.Writer) error { return errors.Join(second(w.Write([]byte(text))), fail) }
	}
	oops := errors.New("oops")
	if err := WriteFile(path, false, write("half", oops)); !errors.Is(err, oops) {
		t.Errorf("error %v", err)
	}
	if list, err := os.ReadDir(folder); err != nil || len(list) > 0 {
		t.Errorf("left behind: %v, %v", list, err)
	}
	if err := WriteFile(path, false, write("first", nil)); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path, false, write("second", nil)); err == nil || !strings.Contains(err.Error(), "--force") {
		t.Errorf("overwritten: %v", err)
	}
	if err := WriteFile(path, true, write("third", nil)); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil || string(data) != "third" {
		t.Errorf("the file has %q, %v", data, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// Whatever comes as a configuration is refused, or goes into the store and out
// again and then changes nothing.
func FuzzImport(f *testing.F) {
	from := openSQLite(f)
	fillCenter(f, from)
	f.Add(exportOf(f, from, true))
	f.Add(`{"format":"` + configurationFormat + `","version":1,"numbers":[{"id":"a","number":"1"}],"users":[{"id":"u","login":"u","role":"agent"}]}`)
	f.Add(`{"format":"` + configurationFormat + `","version":1,"menus":[null],"queues":[{}]}`)
	f.Fuzz(func(t *testing.T, file string) {
		c, err := ReadConfiguration(strings.NewReader(file))
		if err != nil {
			return
		}
		db := openSQLite(t)
		m, err := PlanImport(t.Context(), db, c)
		if err != nil {
			return
		}
		if err := m.Apply(t.Context()); err != nil {
			t.Fatalf("planned, but not done: %v", err)
		}
		again, err := planOf(t, db, exportOf(t, db, true))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range again.Changes {
			if c.Kind != Unchanged {
				t.Errorf("%+v", c)
			}
		}
	})
}
