// Package static holds the scripts, styles and icons of the web pages, as
// "npm run build" leaves them in dist. Without that build only an empty folder
// is embedded, and Built says so.
package static

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
)

//go:embed all:dist
var dist embed.FS

// Assets gives the built files names that change with their content, so that
// browsers may keep them for ever.
type Assets struct {
	files    fs.FS
	versions map[string]string // file name → short hash of its content
}

// New reads the embedded files. It fails only if the program itself is broken.
func New() (*Assets, error) {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		return nil, fmt.Errorf("open embedded assets: %w", err)
	}
	return Of(files)
}

// Of makes assets of any folder; tests use it.
func Of(files fs.FS) (*Assets, error) {
	a := &Assets{files: files, versions: map[string]string{}}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(entry.Name(), ".") {
			return err
		}
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(data)
		a.versions[name] = base64.RawURLEncoding.EncodeToString(sum[:6])
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read embedded assets: %w", err)
	}
	return a, nil
}

// Built tells whether the assets were built before the program was.
func (a *Assets) Built() bool { return a.versions["app.js"] != "" && a.versions["app.css"] != "" }

// URL is the address of a built file; it changes when the file does.
func (a *Assets) URL(name string) string {
	return "/static/" + name + "?v=" + a.versions[name]
}

// ServeHTTP serves the built files below /static/. Folders and names that
// begin with a dot are not found.
func (a *Assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/static/")
	version, ok := a.versions[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	if r.URL.Query().Get("v") == version {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		w.Header().Set("Cache-Control", "public, max-age=300")
	}
	w.Header().Set("ETag", `"`+version+`"`)
	http.ServeFileFS(w, r, a.files, name)
}
