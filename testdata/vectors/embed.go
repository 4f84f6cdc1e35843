// Package vectors holds the frozen examples of the protocol as JSON, one
// folder per layer: row, chain, statement, refs, ruling, segment, receipt, centre,
// feed, bundle, message, credential, squeeze and merge. A program in any
// language that passes them speaks the protocol; a difference needs a new
// protocol version. syncproto/PROTOCOL.md, "Vectors", tells how to read them.
package vectors

import "embed"

// Files holds <layer>/<name>.json. Reading is safe for concurrent use.
//
//go:embed */*.json
var Files embed.FS
