package ccs

import "regexp"

// MaxLineContacts is how many telephones a line may have registered at once.
const MaxLineContacts = 10

var (
	// lineForm is the user part of SIP that names a line: what its telephone
	// signs on with and what others dial. A plus is kept for outside numbers.
	lineForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$`)
	// outsideForm is an outside number as trunks compare it with what they allow.
	outsideForm = regexp.MustCompile(`^\+[1-9][0-9]{1,14}$`)
	// forwardForm is what may be dialled from within: an outside number, or one
	// of Carillon's.
	forwardForm = regexp.MustCompile(`^(\+[1-9][0-9]{1,14}|[A-Za-z0-9][A-Za-z0-9._-]{0,31})$`)
	md5Form     = regexp.MustCompile(`^[0-9a-f]{32}$`)
	sha256Form  = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// Check returns FieldErrors where l has bad values. A line without secrets
// passes: its telephones cannot sign on until it gets a password.
func (l *Line) Check() error {
	var c checker
	if l.Number == "" {
		c.add("number", CodeRequired)
	} else if !lineForm.MatchString(l.Number) {
		c.add("number", CodeFormat)
	}
	c.text("name", l.Name, true, maxName)
	c.form("secrets.md5", l.Secrets.MD5, md5Form)
	c.form("secrets.sha256", l.Secrets.SHA256, sha256Form)
	within(&c, "maxContacts", l.MaxContacts, 0, MaxLineContacts)
	c.form("callerId", l.CallerID, callerForm)
	c.form("forward", l.Forward, forwardForm)
	if l.Forward != "" && l.Forward == l.Number {
		c.add("forward", CodeOwn)
	}
	oneOf(&c, "encryption", l.Encryption, "", EncryptionOff, EncryptionRequired)
	return c.result()
}

// form checks a value that may be empty.
func (c *checker) form(field, value string, form *regexp.Regexp) {
	if value != "" && !form.MatchString(value) {
		c.add(field, CodeFormat)
	}
}

// device checks what an agent's calls ring on: what its kind needs must be
// there. What another kind would need is kept, for when it is chosen again, but
// has to be good as well.
func (c *checker) device(path string, d Device) {
	oneOf(c, path+".kind", d.Kind, "", DeviceBrowser, DeviceLine, DevicePhone)
	c.id(path+".line", d.Line)
	c.form(path+".number", d.Number, outsideForm)
	switch {
	case d.Kind == DeviceLine && d.Line == "":
		c.add(path+".line", CodeRequired)
	case d.Kind == DevicePhone && d.Number == "":
		c.add(path+".number", CodeRequired)
	}
}
