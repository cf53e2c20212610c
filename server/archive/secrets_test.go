package archive

import (
	"slices"
	"strings"
	"testing"

	"github.com/carillon-cc/carillon/ccs"
	"github.com/carillon-cc/carillon/ccs/demo"
)

func TestImportKeepsThePasswordsThatAFileDoesNotHave(t *testing.T) {
	db := openSQLite(t)
	fillCenter(t, db)
	file := exportOf(t, db, false)
	file = strings.Replace(file, `"name": "Reception"`, `"name": "Front desk"`, 1)
	file = strings.Replace(file, `"name": "Provider"`, `"name": "Other name"`, 1)
	m := mustImport(t, db, file)
	if len(m.WithoutSecret) > 0 {
		t.Errorf("without a password: %v", m.WithoutSecret)
	}
	line, err := tablesOf(t, db).Lines.Get(t.Context(), "reception")
	if err != nil || line.Name != "Front desk" || line.Secrets.MD5 == "" || line.Secrets.SHA256 == "" {
		t.Errorf("the line is %+v, %v", line, err)
	}
	trunk, err := tablesOf(t, db).Trunks.Get(t.Context(), "provider")
	if err != nil || trunk.Name != "Other name" || trunk.Password != trunkPassword {
		t.Errorf("the trunk is %+v, %v", trunk, err)
	}
}

func TestImportTellsWhoHasNoPassword(t *testing.T) {
	from, to := openSQLite(t), openSQLite(t)
	fillCenter(t, from)
	m := mustImport(t, to, exportOf(t, from, false))
	if want := []string{"line 201", "trunk Provider"}; !slices.Equal(m.WithoutSecret, want) {
		t.Errorf("without a password: %v, want %v", m.WithoutSecret, want)
	}
}

// A line's hashes hold its number: under another one they fit no password.
func TestImportDropsThePasswordOfALineWhoseNumberChanges(t *testing.T) {
	db := openSQLite(t)
	fillCenter(t, db)
	m := mustImport(t, db, strings.Replace(exportOf(t, db, false), `"number": "201"`, `"number": "202"`, 1))
	if !slices.Equal(m.WithoutSecret, []string{"line 202"}) {
		t.Errorf("without a password: %v", m.WithoutSecret)
	}
}

func TestImportRefusesADeviceThatLeadsNowhere(t *testing.T) {
	db := openSQLite(t)
	fillCenter(t, db)
	tables := tablesOf(t, db)
	agent, err := tables.Agents.Get(t.Context(), demo.AliceID)
	if err != nil {
		t.Fatal(err)
	}
	agent.Device = ccs.Device{Kind: ccs.DeviceLine, Line: "reception"}
	put(t, tables.Agents, *agent)
	file := exportOf(t, db, false)
	if _, err := planOf(t, db, file); err != nil {
		t.Error(err)
	}
	_, err = planOf(t, db, strings.Replace(file, `"line": "reception"`, `"line": "nowhere"`, 1))
	if err == nil || !strings.Contains(err.Error(), `.device.line: there is no line "nowhere"`) {
		t.Errorf("got %v", err)
	}
}

func TestChangesOfPasswordsAreNotShown(t *testing.T) {
	db := openSQLite(t)
	fillCenter(t, db)
	file := exportOf(t, db, true)
	file = strings.Replace(file, trunkPassword, "something else", 1)
	file = strings.Replace(file, strings.Repeat("a", 32), strings.Repeat("c", 32), 1)
	m, err := planOf(t, db, file)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := Describe(&text, m.Changes); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"password: … → (a password)", "secrets.md5: … → (a password)"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is missing in\n%s", want, text.String())
		}
	}
	if strings.Contains(text.String(), "something else") || strings.Contains(text.String(), trunkPassword) {
		t.Errorf("a password is shown:\n%s", text.String())
	}
}

func TestImportTakesABridgeToALine(t *testing.T) {
	db := openSQLite(t)
	fillCenter(t, db)
	action := `{"id": "to-reception", "bridge": {"line": "reception"}}`
	file := strings.Replace(exportOf(t, db, false), `"keys": [`, `"keys": [{"keys": "9", "actions": [`+action+`]}, `, 1)
	if _, err := planOf(t, db, file); err != nil {
		t.Error(err)
	}
	if _, err := planOf(t, db, strings.Replace(file, `{"line": "reception"}`, `{"line": "nowhere"}`, 1)); err == nil {
		t.Error("a bridge to a line that does not exist is taken")
	}
}
