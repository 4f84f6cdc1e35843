package fieldwork

import (
	"bytes"
	"encoding/csv"
	"io/fs"
	"os"
	"path/filepath"

	"thonsync/testdata/province"
	"thonsync/testdata/units"
)

// Names of the files that WriteFiles makes, in the order in which they are to
// be imported.
const (
	UnitsFile   = "units.csv"
	KindsFile   = "kinds.json"
	GuidesFile  = "guides.json"
	TeamsFile   = "teams.csv"
	MembersFile = "members.csv"
)

// WriteFiles writes the province's reference data into dir as the files that
// `thonsync import` takes.
func WriteFiles(dir string, p *province.Province) error {
	files := map[string][]byte{
		UnitsFile: unitsCSV(p), TeamsFile: teamsCSV(p), MembersFile: membersCSV(p),
	}
	for _, name := range []string{KindsFile, GuidesFile} {
		b, err := fs.ReadFile(units.Files(), name)
		if err != nil {
			return err
		}
		files[name] = b
	}
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func table(header []string, rows [][]string) []byte {
	var buf bytes.Buffer
	w := csv.NewWriter(&buf)
	_ = w.Write(header) // a bytes.Buffer does not fail
	_ = w.WriteAll(rows)
	return buf.Bytes()
}

func unitsCSV(p *province.Province) []byte {
	var rows [][]string
	for _, list := range [][]units.Unit{p.Units, p.Villages} {
		for _, u := range list {
			rows = append(rows, []string{u.List, u.Code, u.Level, u.Type, u.Name, u.Parent.List, u.Parent.Code, u.ValidFrom, u.ValidTo})
		}
	}
	return table([]string{"list", "code", "level", "type", "name", "parent_list", "parent_code", "valid_from", "valid_to"}, rows)
}

func teamsCSV(p *province.Province) []byte {
	rows := make([][]string, 0, len(p.Teams))
	for _, t := range p.Teams {
		rows = append(rows, []string{t.Village.List, t.Village.Code, t.Name})
	}
	return table([]string{"list", "code", "name"}, rows)
}

func membersCSV(p *province.Province) []byte {
	rows := make([][]string, 0, len(p.Members))
	for _, m := range p.Members {
		v := p.Teams[m.Team].Village
		rows = append(rows, []string{v.List, v.Code, m.Name, m.Role, m.Sex, m.PhoneNumber})
	}
	return table([]string{"list", "code", "full_name", "role", "sex", "phone"}, rows)
}
