//go:build !unix

package keys

import "io/fs"

// exposed cannot tell here: protect the folder with the system's own access
// rules.
func exposed(fs.FileInfo) string { return "" }
