package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"syscall"

	"thonsync/clientlib"
	"thonsync/clientlib/cmd/thonfield/internal/ask"
	"thonsync/clientlib/cmd/thonfield/internal/form"
	"thonsync/clientlib/cmd/thonfield/internal/words"
	"thonsync/syncproto"
)

// failure is an error with a text in the catalogue. Its texts never hold what a
// person typed.
type failure struct {
	exit int
	code syncproto.Code
	key  string
	args []any
	err  error
}

// Error gives the English-coded form; people read the catalogue's text.
func (f *failure) Error() string { return f.key }

// Unwrap gives the cause.
func (f *failure) Unwrap() error { return f.err }

// usage says that the command line does not fit.
func usage(key string, args ...any) *failure {
	return &failure{exit: exitUsage, code: "usage", key: key, args: args}
}

// failed says that the command could not be done.
func failed(code syncproto.Code, key string, args ...any) *failure {
	return &failure{exit: exitFailed, code: code, key: key, args: args}
}

// errorObject is what --json writes for a failure.
type errorObject struct {
	Code    string       `json:"code"`
	Message string       `json:"message_text"`
	Detail  string       `json:"detail,omitempty"` // English
	Fields  []fieldError `json:"fields,omitempty"`
}

type fieldError struct {
	Field   string `json:"field"`
	Message string `json:"message_text"`
}

// explain gives the exit code and the object for err.
func (a *app) explain(err error) (int, errorObject) {
	var f *failure
	var fields clientlib.FieldErrors
	var one *clientlib.FieldError
	switch {
	case errors.As(err, &f):
		return f.exit, errorObject{Code: string(f.code), Message: a.lang.T(f.key, f.args...)}
	case errors.As(err, &fields):
		return exitFailed, a.fieldErrors(fields)
	case errors.As(err, &one):
		return exitFailed, a.fieldErrors(clientlib.FieldErrors{one})
	case errors.Is(err, ask.ErrStopped):
		return exitFailed, errorObject{Code: "stopped", Message: a.lang.T("error.stopped")}
	case a.ctx.Err() != nil || errors.Is(err, context.Canceled):
		return exitFailed, errorObject{Code: "interrupted", Message: a.lang.T("error.interrupted")}
	case errors.Is(err, fs.ErrNotExist):
		return exitFailed, errorObject{Code: "file", Message: a.lang.T("error.no-file")}
	case errors.Is(err, fs.ErrPermission):
		return exitFailed, errorObject{Code: "file", Message: a.lang.T("error.no-right")}
	case errors.Is(err, syscall.ENOSPC):
		return exitFailed, errorObject{Code: string(syncproto.CodeDiskFull), Message: a.lang.Code(syncproto.CodeDiskFull)}
	}
	return a.explainCode(err)
}

// explainCode explains by the protocol's code. Only the message of the
// protocol's own errors is shown: it is free of personal data by its contract,
// which the text of a cause is not.
func (a *app) explainCode(err error) (int, errorObject) {
	code := syncproto.CodeOf(err)
	out := errorObject{Code: string(code), Message: a.lang.Code(code)}
	if e, ok := errors.AsType[*syncproto.Error](err); ok {
		out.Detail = e.Message
	}
	if code == syncproto.CodeUpstream {
		return exitUnreached, out
	}
	return exitFailed, out
}

// fieldWord is what names of fields look like. Something else before the "="
// of --set may be anything, so it is not repeated.
var fieldWord = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

func (a *app) fieldErrors(errs clientlib.FieldErrors) errorObject {
	out := errorObject{Code: string(syncproto.CodeInvalidInput), Message: a.lang.Code(syncproto.CodeInvalidInput)}
	for _, e := range errs {
		name := e.Field
		if !fieldWord.MatchString(name) {
			name = "?"
		}
		out.Fields = append(out.Fields, fieldError{name, a.lang.Pick(e.VI, e.EN)})
	}
	return out
}

// fail tells the person, writes the object if JSON was asked for, and gives the
// exit code.
func (a *app) fail(err error) int {
	code, object := a.explain(err)
	a.tell(object)
	if a.json {
		a.object(struct {
			Error errorObject `json:"error"`
		}{object})
	}
	return code
}

// tell writes an error for people.
func (a *app) tell(e errorObject) {
	var b strings.Builder
	fmt.Fprintln(&b, e.Message)
	for _, f := range e.Fields {
		fmt.Fprintf(&b, "  %s: %s\n", form.Label(nil, f.Field, a.lang), f.Message)
	}
	if e.Detail != "" && a.lang == words.EN {
		fmt.Fprintf(&b, "  (%s)\n", e.Detail)
	}
	fmt.Fprint(a.errOut, b.String())
}

// writeWhole writes a file that only its owner may read, beside path, and
// renames it to path when all has gone well and the bytes are on the disk, so
// that path is never half a file. It gives the size in bytes.
func writeWhole(path string, write func(io.Writer) error) (size int64, err error) {
	part := path + ".part"
	f, err := os.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if info, e := f.Stat(); err == nil && e == nil {
		size = info.Size()
	}
	if err = closing(f, err); err == nil {
		err = os.Rename(part, path)
	}
	if err != nil {
		os.Remove(part)
	}
	return size, err
}
