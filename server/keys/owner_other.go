//go:build !unix

package keys

import (
	"io/fs"
	"os"
)

// exposed cannot tell here: protect the folder with the system's own access
// rules.
func exposed(fs.FileInfo, fs.FileInfo) string { return "" }

func handOver(*os.File, string) error { return nil }
