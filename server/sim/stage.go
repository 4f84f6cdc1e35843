package sim

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"thonsync/server"
	"thonsync/server/config"
	"thonsync/server/ownlog"
	"thonsync/syncproto"
	"thonsync/syncproto/credential"
)

// Invented units.
const (
	unitList = "sim-2026"
	province = unitList + ":1"
)

func communeOf(i int) string { return fmt.Sprintf("%s:%d", unitList, 10+i) }

func villageOf(commune, i int) string { return fmt.Sprintf("%s:%d", unitList, 1000+100*commune+i) }

// team is a village team of one or more phones.
type team struct {
	id     uuid.UUID
	member uuid.UUID
	unit   string
}

// phonesPerTeam lets phones edit each other's records.
const phonesPerTeam = 2

// communes says how many communes there are: the points of each stand side by
// side, two of them where there are enough.
func (w *world) communes() int { return max(1, w.cfg.Points/2) }

const (
	kindTalk = `{"code":"TT","name_vi":"Tuyên truyền","name_en":"Outreach","person":false,
"results":[{"value":"held","label_vi":"Đã làm","label_en":"Held"},{"value":"planned","label_vi":"Sẽ làm","label_en":"Planned"}],"fields":[]}`
	kindHelp = `{"code":"GD","name_vi":"Giúp đỡ","name_en":"Help","person":true,
"results":[{"value":"done","label_vi":"Xong","label_en":"Done"},{"value":"waiting","label_vi":"Chờ","label_en":"Waiting"}],"fields":[]}`
)

func text(num uint32, s string) syncproto.Field {
	return syncproto.Field{Num: num, Value: syncproto.TextValue(s)}
}

func create(collection uint32, row ...syncproto.Field) ownlog.Draft {
	return ownlog.Draft{Header: syncproto.Header{Collection: collection, Op: syncproto.OpCreate}, Operational: row}
}

func unit(key, level, parent string) ownlog.Draft {
	_, code, _ := strings.Cut(key, ":")
	row := []syncproto.Field{
		text(syncproto.FieldUnit, key), text(syncproto.UnitList, unitList), text(syncproto.UnitCode, code),
		text(syncproto.UnitLevel, level), text(syncproto.UnitType, "Xã"), text(syncproto.UnitName, "Đơn vị "+code),
	}
	if parent != "" {
		row = append(row, text(syncproto.UnitParent, parent))
	}
	return create(syncproto.CollectionUnit, row...)
}

func kind(code, definition string) ownlog.Draft {
	return create(syncproto.CollectionKind, text(syncproto.FieldUnit, province), text(syncproto.KindCode, code),
		text(syncproto.KindNameVI, code), text(syncproto.KindNameEN, code), text(syncproto.KindDefinition, definition))
}

// build opens the centre, writes reference data, and has points and phones join.
func (w *world) build() error {
	var err error
	if w.centre, err = w.newSite("centre", "", ""); err != nil {
		return err
	}
	teams, err := w.reference()
	if err != nil {
		return err
	}
	if err := w.makeBackup(); err != nil {
		return err
	}
	for i := range w.cfg.Points {
		commune := i % w.communes()
		code, err := w.centre.node.NewCode(w.ctx, server.CodeRequest{
			Role: credential.RolePoint, Units: []string{communeOf(commune)}, Valid: 10 * 365 * 24 * time.Hour,
		})
		if err != nil {
			return err
		}
		s, err := w.newSite(fmt.Sprintf("point%d", i), w.centre.url, code.URI)
		if err != nil {
			return err
		}
		s.commune = commune
		if err := s.node.Relay().Sync(w.ctx); err != nil {
			return err
		}
		w.points = append(w.points, s)
	}
	for i := range w.cfg.Phones {
		if err := w.newPhone(i, teams[i/phonesPerTeam%len(teams)]); err != nil {
			return err
		}
	}
	return nil
}

// reference writes units, kinds and teams into the centre's own log.
func (w *world) reference() ([]team, error) {
	drafts := []ownlog.Draft{unit(province, "province", ""), kind("TT", kindTalk), kind("GD", kindHelp)}
	for c := range w.communes() {
		drafts = append(drafts, unit(communeOf(c), "commune", province))
	}
	teams := make([]team, max(1, (w.cfg.Phones+phonesPerTeam-1)/phonesPerTeam))
	for i := range teams {
		teams[i].unit = villageOf(i%w.communes(), i)
		drafts = append(drafts, unit(teams[i].unit, "village", communeOf(i%w.communes())))
	}
	if _, err := w.centre.node.WriteOwn(w.ctx, drafts); err != nil {
		return nil, err
	}
	for i := range teams {
		got, err := w.centre.node.WriteOwn(w.ctx, []ownlog.Draft{create(syncproto.CollectionTeam, text(syncproto.FieldUnit, teams[i].unit), text(syncproto.TeamName, "Tổ"))})
		if err != nil {
			return nil, err
		}
		teams[i].id = got[0].Record
		got, err = w.centre.node.WriteOwn(w.ctx, []ownlog.Draft{create(syncproto.CollectionMember, text(syncproto.FieldUnit, teams[i].unit),
			syncproto.Field{Num: syncproto.MemberTeam, Value: syncproto.UUIDValue(teams[i].id)}, text(syncproto.MemberRole, "leader"))})
		if err != nil {
			return nil, err
		}
		teams[i].member = got[0].Record
	}
	return teams, nil
}

// settings gives a site's settings.
func (w *world) settings(name, url, upstream string) (config.Config, error) {
	cfg, err := config.Default()
	cfg.Data, cfg.PublicURL, cfg.Upstream = filepath.Join(w.dir, name), url, upstream
	if upstream == "" {
		cfg.BackupFolder, cfg.BackupKeys, cfg.BackupEvery = filepath.Join(w.dir, "backups"), filepath.Join(w.dir, "backup-keys"), 0
	}
	return cfg, err
}
