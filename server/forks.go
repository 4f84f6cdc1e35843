package server

import (
	"thonsync/server/httpapi"
	"thonsync/server/store"
	"thonsync/syncproto"
)

// maxForks bounds the devices that a status names.
const maxForks = 100

// forkCount gathers which origins have more than one branch.
type forkCount struct {
	list []httpapi.ForkStatus
	last syncproto.OriginID
	seen uint32 // the last branch of it that was counted
}

// add takes the next run in, which come by origin and branch.
func (f *forkCount) add(run *store.Run) {
	if run.Branch == 0 {
		return
	}
	if n := len(f.list); n == 0 || f.last != run.Origin {
		f.list = append(f.list, httpapi.ForkStatus{Origin: run.Origin.String(), Branches: 1})
		f.last, f.seen = run.Origin, 0
	}
	fork := &f.list[len(f.list)-1]
	if run.Branch != f.seen {
		fork.Branches++
		f.seen = run.Branch
	}
	fork.Changes += run.Last.Seq - run.First + 1
}

// named gives them with their communes.
func (f *forkCount) named(origins []store.Origin) []httpapi.ForkStatus {
	commune := make(map[string]string, len(f.list))
	for _, fork := range f.list {
		commune[fork.Origin] = ""
	}
	for i := range origins {
		if _, ok := commune[origins[i].ID.String()]; ok {
			commune[origins[i].ID.String()] = origins[i].Commune
		}
	}
	for i := range f.list {
		f.list[i].Commune = commune[f.list[i].Origin]
	}
	return f.list[:min(len(f.list), maxForks)]
}
