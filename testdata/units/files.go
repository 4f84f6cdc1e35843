package units

import (
	"embed"
	"encoding/csv"
	"fmt"
	"io/fs"
	"slices"
)

//go:embed *.csv *.json
var files embed.FS

// Files gives the tables as files, for programs that serve or copy them as they
// are. All are UTF-8, NFC, with LF line ends.
func Files() fs.FS { return files }

// table reads an embedded CSV file without its header line. A file that does not
// have exactly these columns cannot have been built from this source tree, so it
// panics: no caller could do anything better.
func table(name string, columns ...string) [][]string {
	f, err := files.Open(name)
	if err != nil {
		panic(fmt.Sprintf("embedded table %s: %v: rebuild from a clean checkout", name, err))
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		panic(fmt.Sprintf("embedded table %s: %v: rebuild from a clean checkout", name, err))
	}
	if len(rows) == 0 || !slices.Equal(rows[0], columns) {
		panic(fmt.Sprintf("embedded table %s: columns are not %v: rebuild from a clean checkout", name, columns))
	}
	return rows[1:]
}
