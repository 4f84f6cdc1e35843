package links_test

import (
	"testing"

	"github.com/google/uuid"

	"thonsync/server/reconcile/links/linkstest"
	"thonsync/server/store"
	"thonsync/testdata/province"
)

// TestMeasuredThroughTheService: on a labelled population that the threshold was
// not chosen on, delivered by phones, taken in, indexed and compared in parts as
// a centre does, suggestions and links reach what the pure rules reach.
func TestMeasuredThroughTheService(t *testing.T) {
	const seed, citizens = 5, 900
	p := province.Small(seed, 3, 6)
	w := linkstest.Open(t, p)
	list := p.Population(seed, citizens, province.DefaultErrorRates())
	phones, who := make(map[int]*linkstest.Phone), make(map[uuid.UUID]*province.Sighting)
	for half := range 2 { // the second half meets the first in the index
		for i := half * len(list) / 2; i < (half+1)*len(list)/2; i++ {
			s := &list[i]
			if phones[s.Village] == nil {
				phones[s.Village] = w.Phone(s.Village)
			}
			who[phones[s.Village].Helped(linkstest.Fields(s)...)] = s
		}
		for _, phone := range phones {
			phone.Send()
		}
		scan(t, w)
	}
	truth, exact := 0, 0
	for _, x := range who {
		for _, y := range who {
			if x != y && x.Citizen == y.Citizen {
				truth++
				if x.Number != "" && x.Number == y.Number {
					exact++
				}
			}
		}
	}
	truth, exact = truth/2, exact/2
	found, right, linked, wrong := 0, 0, 0, 0
	view(t, w, func(r store.Reader) error {
		pairs, err := r.Pairs(store.PairQuery{})
		for _, pair := range pairs {
			same := who[pair.A].Citizen == who[pair.B].Citizen
			found++
			if same {
				right++
			}
			if pair.State == store.PairLinked {
				linked++
				if !same {
					wrong++
				}
			}
		}
		return err
	})
	precision, recall, alone := float64(right)/float64(found), float64(right)/float64(truth), float64(linked-wrong)/float64(exact)
	t.Logf("%d records, %d true pairs: precision %.4f, recall %.4f; %.4f of %d pairs with one number linked, %d wrongly", len(list), truth, precision, recall, alone, exact, wrong)
	if precision < 0.99 || recall < 0.90 || alone < 0.90 || wrong > 0 {
		t.Errorf("precision %.4f, recall %.4f, linked %.4f, wrongly %d", precision, recall, alone, wrong)
	}
}
