package syncproto

import "github.com/google/uuid"

// Columns gives the uncompressed column bytes of both compartments of a
// segment, as the codec sees them, for measuring what compression achieves.
func Columns(in SegmentInput) (open, personal [][]byte, err error) {
	commits, err := commitmentsOf(in)
	if err != nil {
		return nil, nil, err
	}
	var after Heads
	headers, rows, made := openRows(in, commits, &after)
	o, p := &columnWriter{}, &columnWriter{}
	encodeTable(o, headers, ownRecords(func(i int) uuid.UUID { return made[i] }))
	encodeTable(o, rows, nil)
	personals := make([]Row, len(in.Changes))
	for i := range in.Changes {
		personals[i] = in.Changes[i].Personal
	}
	encodeTable(p, personals, nil)
	return o.cols, p.cols, nil
}
