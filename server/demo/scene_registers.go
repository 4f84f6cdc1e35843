package demo

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"thonsync/server"
	"thonsync/server/reconcile/registers"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// registerKind is the kind that the invented register speaks of.
const registerKind = "CC"

// playRegisters takes an invented list of issued cards in, so that the page has
// something to show: most of it agrees with what teams recorded, some does not,
// and some citizens nobody recorded.
func playRegisters(ctx context.Context, s *stage) (told string, err error) {
	file, units, err := s.listOfCards(ctx)
	if err != nil {
		return "", err
	}
	out, err := server.RegisterImport.Do(ctx, s.centre.node, server.RegisterFile{File: []byte(file), FileSource: registers.FileSource{
		Register: "Thẻ căn cước (minh họa)", Units: units,
		Adjusted: &registers.RegisterProfile{Name: "Thẻ căn cước", Rule: registers.RegisterRule{Kinds: []string{registerKind}}},
	}})
	if err != nil {
		return "", fmt.Errorf("taking the register in: %w", err)
	}
	sums := out.Overview.Sums
	return fmt.Sprintf("%d rows; of the teams' records %d confirmed, %d not in it, %d say otherwise; %d rows nobody recorded", out.Rows, sums.Confirmed, sums.Unconfirmed, sums.Contradicted, sums.Only), nil
}

// listOfCards writes a list about citizens whom teams helped, and the communes
// that it covers.
func (s *stage) listOfCards(ctx context.Context) (file string, units []string, err error) {
	n := s.centre.node
	var b strings.Builder
	b.WriteString("DANH SÁCH CẤP THẺ CĂN CƯỚC (MINH HỌA)\nSố căn cước;Họ và tên;Ngày sinh;Giới tính;Ngày cấp;Kết quả\n")
	err = n.Store().View(ctx, func(r store.Reader) error {
		i := 0
		return r.EachRecord(store.RecordQuery{Collection: syncproto.CollectionActivity, Kind: registerKind, ExistsOnly: true}, func(rec store.Record) error {
			if c := n.Ingest().Definitions().Commune(rec.Unit); !slices.Contains(units, c) {
				units = append(units, c)
			}
			p, err := n.Ingest().Personal(r, &rec)
			number := p.Value(syncproto.PersonIDNumber).Text()
			if err != nil || rec.Void || rec.Erased || number == "" {
				return err
			}
			i++
			birth := syncproto.Date{Year: syncproto.IDNumber(number).BirthYear()}
			if v, ok := p.Get(syncproto.PersonBirthDate); ok && v.Type() == syncproto.TypeDate {
				birth = v.Date()
			}
			result := "Đã cấp"
			switch i % 8 {
			case 0:
				return nil // the police do not have this one
			case 3:
				birth.Year--
			case 5:
				result = "Chưa cấp"
			}
			fmt.Fprintf(&b, "%s;%s;%s;%s;%s;%s\n", number, p.Value(syncproto.PersonFullName).Text(), birth, p.Value(syncproto.PersonSex).Text(), time.Now().Format(time.DateOnly), result)
			return nil
		})
	})
	for i, name := range []string{"Hầu Thị Minh Họa", "Lù Văn Thử", "Phàn Mí Ví Dụ"} {
		fmt.Fprintf(&b, "00219%d0000%02d;%s;%d;;%s;Đã cấp\n", i, 10+i, name, 1990+i, time.Now().Format(time.DateOnly))
	}
	b.WriteString("12345;Dòng Sai Số;1990;;;Đã cấp\n")
	return b.String(), units, err
}
