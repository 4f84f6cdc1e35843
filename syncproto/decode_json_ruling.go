package syncproto

import "encoding/hex"

var rulingWords = map[RulingKind]string{RulingHold: "hold", RulingRelease: "release", RulingErase: "erase", RulingAuthority: "authority", RulingRevoke: "revoke"}

// DescribeRuling gives a ruling for encoding/json; its signature is not checked.
func DescribeRuling(b []byte) (any, error) {
	r, err := DecodeRuling(b)
	if err != nil {
		return nil, err
	}
	v := map[string]any{"is": "ruling", "number": r.Number, "issued": viewTime(r.IssuedMS), "decides": rulingWords[r.Kind],
		"feed": r.Unit, "reason": r.Reason, "signature": "not checked"}
	if r.Unit == "" {
		v["feed"] = CommonFeed
	}
	switch {
	case r.Kind == RulingErase:
		v["record"] = r.Record
	case r.OfDevice():
		cut := make([]map[string]any, len(r.Cut))
		for i, h := range r.Cut {
			cut[i] = map[string]any{"seq": h.Seq, "open_hash": hex.EncodeToString(h.Open[:])}
		}
		v["device"], v["cut"] = r.Target.Origin, cut
	default:
		v["change"] = viewRefs([]Ref{r.Target})[0]
	}
	if r.Kind == RulingAuthority {
		v["grant"] = r.Grant
	}
	return v, nil
}
