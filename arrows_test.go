package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/carillon-cc/carillon"

// arrows are the imports of ours that each folder may have (docs/architecture.md).
// A folder's sub-folders share its arrows unless they have a row of their own.
var arrows = map[string][]string{
	"ccs":            {},
	"media":          {},
	"call":           {"ccs", "media"},
	"flow":           {"ccs", "call"},
	"queue":          {"ccs", "call"},
	"sipgw":          {"ccs", "call", "media"},
	"webrtc":         {"call", "ccs", "media"},
	"tts":            {"ccs", "media", "store"},
	"store":          {"ccs"},
	"sqlite":         {"store"},
	"mongo":          {"store"},
	"ui":             {"ccs"},
	"static":         {},
	"internal/leaks": {},
	"server/archive": {"call", "ccs", "flow", "media", "store"},
	"server/desk":    {"call", "ccs", "media", "queue", "webrtc"},
	"server/web":     {"ccs", "media", "static", "store", "ui"},
	"server":         {"call", "ccs", "flow", "media", "mongo", "queue", "sipgw", "sqlite", "store", "tts", "webrtc"},
	"bench":          {"call", "ccs", "media", "server", "sipgw", "sqlite", "store", "webrtc"},
	".":              {"bench", "server", "sipgw", "store"},
}

// heavy are the libraries that the domain does without, so that its tests need
// neither network nor database.
var heavy = []string{"pion", "sipgo", "mongo-driver", "sqlite", "websocket", "templ"}

// domain are the folders that do without them.
var domain = map[string]bool{"ccs": true, "media": true, "call": true, "flow": true, "queue": true}

func TestFoldersImportOnlyWhatTheirPlaceAllows(t *testing.T) {
	seen := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || path != "." && strings.HasPrefix(d.Name(), ".")):
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		seen++
		folder := place(filepath.Dir(path))
		allowed, known := arrows[folder]
		if !known {
			t.Errorf("%s: its folder has no place in the table", path)
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if ours, ok := strings.CutPrefix(name, module+"/"); ok {
				if !permitted(folder, ours, allowed) {
					t.Errorf("%s imports %s", path, ours)
				}
				continue
			}
			for _, library := range heavy {
				if domain[folder] && strings.Contains(name, library) {
					t.Errorf("%s imports %s: the domain does without", path, name)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 50 {
		t.Errorf("only %d files were looked at", seen)
	}
}

// place is the row of the table for a folder.
func place(folder string) string {
	for f := filepath.ToSlash(folder); f != "."; {
		if _, ok := arrows[f]; ok {
			return f
		}
		cut := strings.LastIndex(f, "/")
		if cut < 0 {
			return f
		}
		f = f[:cut]
	}
	return "."
}

// permitted tells whether a folder may import another of ours: its own, or one
// of its row with what lies below it.
func permitted(folder, ours string, allowed []string) bool {
	for _, a := range append([]string{folder}, allowed...) {
		if ours == a || strings.HasPrefix(ours, a+"/") {
			return true
		}
	}
	return false
}
