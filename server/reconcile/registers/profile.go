package registers

import (
	"context"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"thonsync/server/store"
	"thonsync/syncproto"
	"thonsync/syncproto/fold"
)

// Column is something that a column of a file can say.
type Column string

// The columns. Commune tells villages of one name apart.
const (
	ColNumber  Column = "id_number"
	ColName    Column = "full_name"
	ColBirth   Column = "birth_date"
	ColSex     Column = "sex"
	ColUnit    Column = "unit"
	ColCommune Column = "commune"
	ColDay     Column = "day"
	ColKind    Column = "kind"
	ColOutcome Column = "outcome"
)

// Columns lists all columns in the order of forms.
func Columns() []Column {
	return []Column{ColNumber, ColName, ColBirth, ColSex, ColUnit, ColCommune, ColDay, ColKind, ColOutcome}
}

// ColumnPlace says where a column is: by its header, or by its position from 1 on
// where a file has no header or another one each time.
type ColumnPlace struct {
	Header   string `json:"header,omitempty"`
	Position int    `json:"position,omitempty"`
}

// RegisterRule says which activities a register speaks of.
type RegisterRule struct {
	Kinds []string `json:"kinds"` // codes of activity kinds
	// Results are those by which an activity claims that it was done; empty for
	// "done" alone.
	Results []string `json:"results,omitempty"`
	// WindowDays is how far the register's day may be from the activity's; 0 for
	// days that are not compared.
	WindowDays int `json:"window_days,omitempty"`
}

// claims tells whether an activity says that something was done.
func (r *RegisterRule) claims(kind, result string) bool {
	if !slices.Contains(r.Kinds, kind) {
		return false
	}
	if len(r.Results) == 0 {
		return result == "done"
	}
	return slices.Contains(r.Results, result)
}

// RegisterProfile is a named way of reading a sender's files.
type RegisterProfile struct {
	Name    string                 `json:"name"`
	Columns map[Column]ColumnPlace `json:"columns"`
	// HeaderRow is the row of the headers as a spreadsheet counts, 0 to find it,
	// -1 for none.
	HeaderRow int          `json:"header_row,omitempty"`
	UnitList  string       `json:"unit_list,omitempty"` // list version of bare unit codes
	Rule      RegisterRule `json:"rule"`
	// Kinds and Outcomes translate what the file writes, folded, into codes of
	// kinds, and into "done" or "not_done".
	Kinds    map[string]string `json:"kinds,omitempty"`
	Outcomes map[string]string `json:"outcomes,omitempty"`
	// ByDay has a person's service count once a day; otherwise once.
	ByDay bool `json:"by_day,omitempty"`
}

var profileName = regexp.MustCompile(`^[\pL\pN][\pL\pN ._()-]{0,79}$`)

// check refuses what no file could be read with.
func (p *RegisterProfile) check(known map[string]*syncproto.Kind) error {
	switch {
	case !profileName.MatchString(p.Name) || !syncproto.CleanText(p.Name):
		return syncproto.Errorf(syncproto.CodeInvalidInput, "a profile needs a name of at most 80 letters and digits")
	case len(p.Rule.Kinds) == 0:
		return syncproto.Errorf(syncproto.CodeInvalidInput, "say which kinds of activity the register covers, for example CC")
	case p.Rule.WindowDays < 0 || p.Rule.WindowDays > 3660:
		return syncproto.Errorf(syncproto.CodeInvalidInput, "the window has 0 to 3660 days")
	}
	for c, at := range p.Columns {
		if !slices.Contains(Columns(), c) {
			return syncproto.Errorf(syncproto.CodeInvalidInput, "there is no column %q: choose among %s", c, names(Columns()))
		}
		if at.Header == "" && at.Position < 1 {
			return syncproto.Errorf(syncproto.CodeInvalidInput, "column %s needs a header or a position", c)
		}
	}
	codes := slices.Concat(p.Rule.Kinds, slices.Collect(maps.Values(p.Kinds)))
	for _, k := range codes {
		if kind, ok := known[k]; !ok || !kind.Person {
			return syncproto.Errorf(syncproto.CodeInvalidInput, "%q is no kind of activity about one citizen", k)
		}
	}
	for _, o := range p.Outcomes {
		if o != "done" && o != "not_done" {
			return syncproto.Errorf(syncproto.CodeInvalidInput, "an outcome is done or not_done, not %q", o)
		}
	}
	return nil
}

func names(list []Column) string {
	out := make([]string, len(list))
	for i, c := range list {
		out[i] = string(c)
	}
	return strings.Join(out, ", ")
}

// headers are words by which a column is guessed, folded; those of earlier
// columns are tried first.
var headers = map[Column][]string{
	ColNumber:  {"so cccd", "so can cuoc", "so dinh danh", "so ddcn", "cccd", "so cmnd", "cmnd", "so giay to", "id number", "identity number", "national id", "ma dinh danh"},
	ColName:    {"ho va ten", "ho ten", "ho, ten", "ten cong dan", "full name", "name", "ten"},
	ColBirth:   {"ngay sinh", "ngay thang nam sinh", "nam sinh", "sinh ngay", "birth date", "date of birth", "birth", "dob"},
	ColSex:     {"gioi tinh", "gioi", "sex", "gender", "nam/nu"},
	ColCommune: {"xa/phuong", "xa phuong", "ten xa", "ma xa", "xa", "phuong", "commune", "ward"},
	ColUnit:    {"thon/to", "thon to", "ten thon", "thon", "to dan pho", "ban", "village", "noi thuong tru", "thuong tru", "dia chi", "don vi", "ma don vi", "noi cu tru", "unit", "address", "ma dvhc"},
	ColDay:     {"ngay cap", "ngay kich hoat", "ngay thu nhan", "ngay dang ky", "ngay thuc hien", "ngay hoan thanh", "thoi gian", "ngay", "date", "issued", "activated"},
	ColKind:    {"loai dich vu", "loai thu tuc", "thu tuc", "dich vu", "noi dung", "loai", "service", "kind"},
	ColOutcome: {"ket qua", "trang thai", "tinh trang", "outcome", "status", "result"},
}

// guessOrder tries the columns with telling headers first.
var guessOrder = []Column{ColNumber, ColBirth, ColSex, ColDay, ColOutcome, ColKind, ColCommune, ColUnit, ColName}

func foldHeader(s string) string {
	return strings.Join(strings.Fields(strings.NewReplacer("\n", " ", "_", " ", "(", " ", ")", " ", ".", " ", ":", " ").Replace(fold.Key(s))), " ")
}

// guess finds columns among headers: first by the whole header, then by its
// beginning, then by a word in it.
func guess(head []string) map[Column]int {
	out, taken := map[Column]int{}, map[int]bool{}
	fits := []func(h, w string) bool{
		func(h, w string) bool { return h == w },
		func(h, w string) bool { return strings.HasPrefix(h, w+" ") },
		func(h, w string) bool { return len(w) > 3 && strings.Contains(h, w) },
	}
	for _, fit := range fits {
		for _, c := range guessOrder {
			if _, ok := out[c]; ok {
				continue
			}
			if i := guessOne(head, headers[c], taken, fit); i >= 0 {
				out[c], taken[i] = i, true
			}
		}
	}
	return out
}

func guessOne(head, words []string, taken map[int]bool, fit func(h, w string) bool) int {
	for _, w := range words {
		for i, h := range head {
			if !taken[i] && fit(foldHeader(h), w) {
				return i
			}
		}
	}
	return -1
}

// Profiles lists the saved profiles.
func (s *Service) Profiles(ctx context.Context) ([]RegisterProfile, error) {
	out := []RegisterProfile{}
	err := s.cfg.View(ctx, func(r store.Reader) error {
		list, err := r.RegisterProfiles()
		out = out[:0]
		for _, d := range list {
			var p RegisterProfile
			if err := json.Unmarshal(d.Document, &p); err != nil {
				return syncproto.Wrap(syncproto.CodeInternal, err, "profile %s cannot be read", d.Name)
			}
			out = append(out, p)
		}
		return err
	})
	return out, err
}

// Profile finds one by name.
func (s *Service) Profile(ctx context.Context, name string) (RegisterProfile, error) {
	list, err := s.Profiles(ctx)
	if err != nil {
		return RegisterProfile{}, err
	}
	for _, p := range list {
		if p.Name == name {
			return p, nil
		}
	}
	return RegisterProfile{}, syncproto.Errorf(syncproto.CodeNotFound, "there is no profile of this name: `thonsync register profile list` names them")
}

// SaveProfile checks a profile and keeps it under its name.
func (s *Service) SaveProfile(ctx context.Context, p RegisterProfile) error {
	if err := p.check(s.cfg.Definitions().Kinds()); err != nil {
		return err
	}
	b, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return s.update(ctx, func(tx store.Tx) error {
		return tx.PutRegisterProfile(store.RegisterProfile{Name: p.Name, Document: b})
	})
}

// DropProfile forgets a profile. Registers that were read with it keep their
// rule.
func (s *Service) DropProfile(ctx context.Context, name string) error {
	if _, err := s.Profile(ctx, name); err != nil {
		return err
	}
	return s.update(ctx, func(tx store.Tx) error { return tx.PutRegisterProfile(store.RegisterProfile{Name: name}) })
}

// Folded gives translations with their texts as they are compared.
func Folded(m map[string]string) map[string]string {
	if len(m) == 0 {
		return nil
	}
	out := make(map[string]string, len(m))
	for k, v := range m {
		out[fold.Key(strings.TrimSpace(k))] = v
	}
	return out
}
