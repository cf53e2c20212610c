package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// private are the names of what must not be logged above debug level (spec 10):
// telephone numbers, what callers press, and secrets.
var private = []string{
	"from", "to", "fromname", "number", "numbers", "callername", "phone", "pressed", "keys", "digit", "digits",
	"uri", "recipient", "sdp", "body", "password", "passwordhash", "secret", "token", "cookie", "login", "hash", "pwd",
}

// TestLogsHoldNoNumbersAndNoSecrets reads every log call above debug level, and
// every attribute that loggers carry along.
func TestLogsHoldNoNumbersAndNoSecrets(t *testing.T) {
	files := token.NewFileSet()
	calls := 0
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == "testdata" || strings.HasPrefix(entry.Name(), ".") && path != ".") {
			return filepath.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && logs(call) {
				calls++
				for _, what := range privateIn(call) {
					t.Errorf("%s: logs %s", files.Position(call.Pos()), what)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if calls < 20 {
		t.Errorf("only %d log calls were found: the test looks for something else than the code does", calls)
	}
}

// logs tells whether a call logs above debug level, or gives a logger an
// attribute.
func logs(call *ast.CallExpr) bool {
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !slices.Contains([]string{"Info", "Warn", "Error", "InfoContext", "WarnContext", "ErrorContext", "With"}, method.Sel.Name) {
		return false
	}
	switch on := method.X.(type) {
	case *ast.Ident:
		return strings.Contains(strings.ToLower(on.Name), "log")
	case *ast.SelectorExpr:
		return strings.Contains(strings.ToLower(on.Sel.Name), "log")
	}
	return false
}

// privateIn lists the private names in a log call: its keys, and the fields and
// variables whose values it logs.
func privateIn(call *ast.CallExpr) []string {
	var found []string
	for _, argument := range call.Args {
		ast.Inspect(argument, func(n ast.Node) bool {
			name := ""
			switch n := n.(type) {
			case *ast.CallExpr: // len(numbers) and the like tell no number
				if f, ok := n.Fun.(*ast.Ident); ok && f.Name == "len" {
					return false
				}
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); n.Kind == token.STRING && err == nil {
					name = text
				}
			case *ast.Ident:
				name = n.Name
			}
			if slices.Contains(private, strings.ToLower(name)) {
				found = append(found, name)
			}
			return true
		})
	}
	return found
}

func TestTheLogPolicyFindsWhatItLooksFor(t *testing.T) {
	for source, want := range map[string]int{
		`log.Info("call arrived", "from", x)`:                1,
		`c.log.Warn("call", "who", info.From)`:               1,
		`g.log.Error("failed", slog.String("uri", y))`:       1,
		`o.Log.With("x", user.PasswordHash)`:                 1,
		`log.Debug("call arrived", "from", info.From)`:       0,
		`log.Info("call arrived", "call", c.id)`:             0,
		`log.Info("loaded", "count", len(snapshot.Numbers))`: 0,
		`math.Error("from")`:                                 0,
	} {
		expr, err := parser.ParseExpr(source)
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		if call := expr.(*ast.CallExpr); logs(call) {
			got = len(privateIn(call))
		}
		if min(got, 1) != want {
			t.Errorf("%s: found %d", source, got)
		}
	}
}
