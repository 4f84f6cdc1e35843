package registers

import (
	"bytes"
	"fmt"

	"thonsync/server/reconcile/sheet"
	"thonsync/server/report"
	"thonsync/syncproto"
)

// BadRows gives the rows of a file that were left out, as a file of the form csv
// or xlsx: the row as it was, and why in both languages. Whatever a spreadsheet
// would take for a formula is made harmless. It holds personal data.
func BadRows(file []byte, bad []RowProblem, format, tempDir string) ([]byte, error) {
	t, err := sheet.Read(file)
	if err != nil {
		return nil, err
	}
	why := make(map[int]*RowProblem, len(bad))
	for i := range bad {
		why[bad[i].Row] = &bad[i]
	}
	var out bytes.Buffer
	write, finish, err := badSheet(&out, format, tempDir)
	if err != nil {
		return nil, err
	}
	first := 0
	if len(bad) > 0 {
		first = bad[0].Row
	}
	head := []any{"row", "dong_bi_loai_vi", "left_out_because_en"}
	for i := range t.Rows {
		row := &t.Rows[i]
		if row.N < first && len(guess(row.Cells)) >= 2 {
			for _, c := range row.Cells {
				head = append(head, c)
			}
			break
		}
	}
	if err := write(head...); err != nil {
		return nil, err
	}
	for i := range t.Rows {
		row := &t.Rows[i]
		p := why[row.N]
		if p == nil {
			continue
		}
		vi, en := p.VI, p.EN
		if p.Other > 0 {
			vi, en = fmt.Sprintf("%s (dòng %d)", vi, p.Other), fmt.Sprintf("%s (row %d)", en, p.Other)
		}
		cells := []any{int64(row.N), vi, en}
		for _, c := range row.Cells {
			cells = append(cells, c)
		}
		if err := write(cells...); err != nil {
			return nil, err
		}
	}
	err = finish()
	return out.Bytes(), err
}

// badSheet opens a file of either form.
func badSheet(out *bytes.Buffer, format, tempDir string) (write func(...any) error, finish func() error, err error) {
	switch format {
	case report.FormatCSV:
		w, err := report.NewCSV(out, true)
		if err != nil {
			return nil, nil, err
		}
		return w.Write, w.Flush, nil
	case report.FormatXLSX:
		b, err := report.NewWorkbook(tempDir)
		if err != nil {
			return nil, nil, err
		}
		return b.Write, func() error {
			err := b.Finish(out)
			if e := b.Close(); err == nil {
				err = e
			}
			return err
		}, nil
	}
	return nil, nil, syncproto.Errorf(syncproto.CodeInvalidInput, "the rows that were left out come as csv or xlsx")
}
