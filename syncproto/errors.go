package syncproto

import (
	"errors"
	"fmt"
)

// Code names a kind of failure. Codes are part of the protocol: they travel to
// peers, stand in problem+json answers and never change meaning.
type Code string

// The codes. The server's httpapi holds the one map from code to HTTP status.
const (
	CodeMalformed    Code = "malformed"          // bytes do not follow the format
	CodeTooLarge     Code = "too-large"          // a length is over its limit
	CodeVersion      Code = "version"            // protocol version not spoken here
	CodeSignature    Code = "bad-signature"      // signature does not verify
	CodeChain        Code = "broken-chain"       // content and signed chain heads disagree
	CodeGap          Code = "gap"                // changes before these are missing
	CodeFork         Code = "fork"               // another signed branch exists at this seq
	CodeForeignKey   Code = "foreign-key"        // origin does not belong to the key
	CodeUnknownPeer  Code = "unknown-origin"     // origin holds no credential known here
	CodeOldKey       Code = "old-key"            // sealed to a key that is no longer in use
	CodeUnreadable   Code = "unreadable"         // a seal does not open or does not match
	CodeCredential   Code = "credential"         // credential missing, expired for issuing, or foreign
	CodeCodeSpent    Code = "code-spent"         // joining code unknown, used, expired or blocked
	CodeScope        Code = "not-found"          // outside the caller's scope, or absent: never told apart
	CodeOverload     Code = "overload"           // busy; retry after the given time
	CodeDiskFull     Code = "disk-full"          // storage is full; nothing was taken
	CodeNewerSchema  Code = "newer-schema"       // the database was written by a newer program
	CodeInUse        Code = "in-use"             // another process holds the database
	CodeInvalidInput Code = "invalid-input"      // a person's input does not fit a rule
	CodeNotFound     Code = "unknown-record"     // no such record on this replica
	CodeRevoked      Code = "revoked"            // the centre has revoked the device: no new records
	CodeUnsent       Code = "unsent"             // work would be left behind: send or export it first
	CodeReplay       Code = "wrong-exchange"     // an answer that belongs to another request
	CodeInternal     Code = "internal"           // a fault of this program
	CodeUpstream     Code = "upstream-unreached" // the next replica could not be reached
)

// Error is the one error type that crosses the wire. Code is stable; Message
// is English, says what happened, to what and what to do next, and never holds
// personal data; Err is the cause for the local log and is never sent.
type Error struct {
	Code    Code
	Message string
	Err     error
}

// Error returns "code: message".
func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Message, e.Err)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Message)
}

// Unwrap gives the local cause.
func (e *Error) Unwrap() error { return e.Err }

// Is makes errors.Is match on the code, so callers compare with a bare
// &Error{Code: ...}.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code && t.Message == ""
}

// Errorf builds an *Error without a cause. Its text may travel to a peer.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Wrap builds an *Error with a cause. The text may travel to a peer, the cause
// never does.
func Wrap(code Code, cause error, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Err: cause}
}

// CodeOf gives the code of the first *Error in err's chain, CodeInternal for
// any other error and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return CodeInternal
}
