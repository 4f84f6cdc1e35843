package registers

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"thonsync/server/reconcile/sheet"
	"thonsync/syncproto"
)

// Limits of files that wait in memory to be taken in: they hold personal data, so
// they are in no file.
const (
	maxUploads  = 4
	uploadKeep  = time.Hour
	MaxPart     = 512 << 10 // of one part of an upload
	uploadBytes = 128 << 20 // of all together
)

// upload is a file that came in parts, with what was made of it.
type upload struct {
	owner  string
	size   int
	file   []byte
	seenAt time.Time

	phase       string
	done, total int
	result      *ImportResult
	problem     error
}

// staging holds uploads. It is safe for concurrent use.
type staging struct {
	mu    sync.Mutex
	files map[uuid.UUID]*upload
}

func (g *staging) tidy(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for id, u := range g.files {
		if now.Sub(u.seenAt) > uploadKeep && !u.running() {
			delete(g.files, id)
		}
	}
}

func (u *upload) running() bool {
	return slices.Contains([]string{PhaseReading, PhaseImporting, PhaseMatching}, u.phase)
}

// RegisterUpload is how far a file has come.
type RegisterUpload struct {
	ID       uuid.UUID     `json:"id"`
	Size     int           `json:"size"`
	Received int           `json:"received"`
	Phase    string        `json:"phase,omitempty"` // reading, importing, matching, done or failed; absent before an import
	Done     int           `json:"done"`            // of Total, in the present phase
	Total    int           `json:"total"`
	Result   *ImportResult `json:"result,omitempty"`
	Problem  string        `json:"problem,omitempty"` // why it failed
	Code     string        `json:"code,omitempty"`
}

func (u *upload) view(id uuid.UUID) RegisterUpload {
	v := RegisterUpload{ID: id, Size: u.size, Received: len(u.file), Phase: u.phase, Done: u.done, Total: u.total, Result: u.result}
	if u.problem != nil {
		v.Problem, v.Code = u.problem.Error(), string(syncproto.CodeOf(u.problem))
	}
	return v
}

// Begin makes room for a file of size octets that comes in parts. It belongs to
// owner; nobody else finds it.
func (s *Service) Begin(owner string, size int) (RegisterUpload, error) {
	if size < 1 || size > sheet.MaxFile {
		return RegisterUpload{}, syncproto.Errorf(syncproto.CodeTooLarge, "a file has 1 to %d octets, not %d: split it", sheet.MaxFile, size)
	}
	s.staged.tidy(s.cfg.Now())
	id, err := s.id()
	if err != nil {
		return RegisterUpload{}, err
	}
	g := &s.staged
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.room(size); err != nil {
		return RegisterUpload{}, err
	}
	u := &upload{owner: owner, size: size, seenAt: s.cfg.Now()}
	g.files[id] = u
	return u.view(id), nil
}

// room lets go of the files that nobody looked at for longest.
func (g *staging) room(size int) error {
	for {
		total, oldest := size, uuid.Nil
		for id, u := range g.files {
			total += u.size
			if !u.running() && (oldest == uuid.Nil || u.seenAt.Before(g.files[oldest].seenAt)) {
				oldest = id
			}
		}
		if len(g.files) < maxUploads && total <= uploadBytes {
			return nil
		}
		if oldest == uuid.Nil {
			return syncproto.Errorf(syncproto.CodeOverload, "other files are being taken in: try again when they are done")
		}
		delete(g.files, oldest)
	}
}

func (g *staging) find(owner string, id uuid.UUID, now time.Time) (*upload, error) {
	u, ok := g.files[id]
	if !ok || u.owner != owner {
		return nil, syncproto.Errorf(syncproto.CodeNotFound, "the file is not here any more: send it again")
	}
	u.seenAt = now
	return u, nil
}

// Part adds the next part. A part that was received already does no harm, so that
// one whose answer was lost can be sent again.
func (s *Service) Part(owner string, id uuid.UUID, offset int, part []byte) (RegisterUpload, error) {
	g := &s.staged
	g.mu.Lock()
	defer g.mu.Unlock()
	u, err := g.find(owner, id, s.cfg.Now())
	if err != nil {
		return RegisterUpload{}, err
	}
	switch {
	case len(part) == 0 || len(part) > MaxPart:
		return RegisterUpload{}, syncproto.Errorf(syncproto.CodeTooLarge, "a part has 1 to %d octets", MaxPart)
	case u.running() || u.phase != "":
		return RegisterUpload{}, syncproto.Errorf(syncproto.CodeInvalidInput, "the file was taken in already: begin a new upload")
	case offset >= 0 && offset+len(part) <= len(u.file):
		return u.view(id), nil
	case offset != len(u.file) || offset+len(part) > u.size:
		return RegisterUpload{}, syncproto.Errorf(syncproto.CodeInvalidInput, "the next part begins at %d and ends at %d at most", len(u.file), u.size)
	}
	u.file = append(u.file, part...)
	return u.view(id), nil
}

// Status tells how far a file has come.
func (s *Service) Status(owner string, id uuid.UUID) (RegisterUpload, error) {
	g := &s.staged
	g.mu.Lock()
	defer g.mu.Unlock()
	u, err := g.find(owner, id, s.cfg.Now())
	if err != nil {
		return RegisterUpload{}, err
	}
	return u.view(id), nil
}

// Forget lets go of a file.
func (s *Service) Forget(owner string, id uuid.UUID) error {
	g := &s.staged
	g.mu.Lock()
	defer g.mu.Unlock()
	u, err := g.find(owner, id, s.cfg.Now())
	if err == nil && !u.running() {
		delete(g.files, id)
	}
	return err
}

// ForgetAll lets go of all files that wait, as when a citizen was erased of whom
// they may speak.
func (s *Service) ForgetAll() {
	g := &s.staged
	g.mu.Lock()
	defer g.mu.Unlock()
	for id, u := range g.files {
		if !u.running() {
			delete(g.files, id)
		}
	}
}

func (g *staging) whole(owner string, id uuid.UUID, now time.Time) (*upload, error) {
	u, err := g.find(owner, id, now)
	if err == nil && len(u.file) != u.size {
		err = syncproto.Errorf(syncproto.CodeInvalidInput, "%d of %d octets of the file are here: send the rest first", len(u.file), u.size)
	}
	return u, err
}

// PreviewUpload previews an uploaded file.
func (s *Service) PreviewUpload(ctx context.Context, owner string, id uuid.UUID, src FileSource) (*FilePreview, error) {
	s.staged.mu.Lock()
	u, err := s.staged.whole(owner, id, s.cfg.Now())
	s.staged.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return s.Preview(ctx, u.file, src)
}

// Start takes an uploaded file in, or says what that would do, in the background.
// run starts it; Status tells how far it is.
func (s *Service) Start(owner string, id uuid.UUID, src FileSource, dry bool, run func(func(ctx context.Context))) (RegisterUpload, error) {
	g := &s.staged
	g.mu.Lock()
	defer g.mu.Unlock()
	u, err := g.whole(owner, id, s.cfg.Now())
	if err != nil {
		return RegisterUpload{}, err
	}
	if u.running() {
		return RegisterUpload{}, syncproto.Errorf(syncproto.CodeInvalidInput, "the file is being taken in already")
	}
	u.phase, u.done, u.total, u.result, u.problem = PhaseReading, 0, 0, nil, nil
	run(func(ctx context.Context) { s.work(ctx, u, src, dry) })
	return u.view(id), nil
}

// work takes the file in and compares what it brought.
func (s *Service) work(ctx context.Context, u *upload, src FileSource, dry bool) {
	tell := func(phase string, done, total int) {
		s.staged.mu.Lock()
		defer s.staged.mu.Unlock()
		u.phase, u.done, u.total, u.seenAt = phase, done, total, s.cfg.Now()
	}
	res, err := s.Import(ctx, u.file, src, dry, u.owner, tell)
	if err == nil && !dry {
		err = s.Match(ctx, tell)
	}
	s.staged.mu.Lock()
	defer s.staged.mu.Unlock()
	u.result, u.problem, u.phase, u.seenAt = res, err, PhaseDone, s.cfg.Now()
	if err != nil {
		u.phase = PhaseFailed
	}
}

// BadRowsOf gives the rows of an uploaded file that were left out.
func (s *Service) BadRowsOf(owner string, id uuid.UUID, format, tempDir string) ([]byte, error) {
	s.staged.mu.Lock()
	u, err := s.staged.find(owner, id, s.cfg.Now())
	var res *ImportResult
	var file []byte
	if err == nil {
		res, file = u.result, u.file
	}
	s.staged.mu.Unlock()
	switch {
	case err != nil:
		return nil, err
	case res == nil:
		return nil, syncproto.Errorf(syncproto.CodeInvalidInput, "the file was not read yet: have it checked or taken in first")
	}
	return BadRows(file, res.Bad, format, tempDir)
}
