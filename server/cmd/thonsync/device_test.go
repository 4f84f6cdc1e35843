package main

import (
	"path/filepath"
	"strings"
	"testing"

	"thonsync/server"
)

// A device is listed, shown, revoked and released by the command line, by what an
// officer calls it and without its name among the arguments.
func TestDevicesByCommandLine(t *testing.T) {
	centre, point := filepath.Join(t.TempDir(), "centre"), filepath.Join(t.TempDir(), "point")
	readyKeys(t, centre)
	_, stop := serving(t, "--data", centre, "--backup-every", "0")
	seedUnit(t, centre)
	in := func(args ...string) []string { return append([]string{"--data", centre}, args...) }
	code := decode[server.NewCode](t, thonsync(t, nil, "", in("--json", "code", "new", "--no-confirm", "--role", "point", "--unit", "test:1", "--host", "127.0.0.1")...))
	_, stopPoint := serving(t, "--data", point, "--join", code.URI)

	list := decode[[]server.Device](t, thonsync(t, nil, "", in("--json", "device", "list")...))
	if len(list) != 1 || list[0].Role != "point" || list[0].State != server.DeviceActive || list[0].Unit != "test:1" {
		t.Fatalf("listed: %+v", list)
	}
	id := list[0].Origin.String()[:13]
	if r := thonsync(t, nil, "", in("device", "list")...).ok(t); !strings.Contains(r.out, id) || !strings.Contains(r.out, "active") {
		t.Errorf("list: %s", r.out)
	}
	for _, args := range [][]string{{"device", "show", id}, {"device", "show", "-"}, {"device", "show"}} {
		if r := thonsync(t, nil, id+"\n", in(args...)...).ok(t); !strings.Contains(r.out, "State: active") {
			t.Errorf("%v: %s", args, r.out)
		}
	}
	if r := thonsync(t, nil, "", in("device", "show")...); r.code == exitOK {
		t.Error("no name and nobody to ask: shown all the same")
	}
	if r := thonsync(t, nil, "", in("device", "release", id)...); r.code == exitOK || !strings.Contains(r.err, "not revoked") {
		t.Errorf("release: %d %s", r.code, r.err)
	}
	if r := thonsync(t, nil, "", in("device", "revoke", id, "--reason", "Nguyễn Văn Thử lost it")...); r.code == exitOK {
		t.Error("a sentence was taken for a reason")
	}
	revoked := decode[server.DeviceRuled](t, thonsync(t, nil, id, in("--json", "device", "revoke", "-", "--reason", "stolen")...))
	if revoked.Asked || len(revoked.Rulings) != 1 || revoked.Device.State != server.DeviceRevoked || revoked.Device.Reason != "stolen" {
		t.Errorf("revoked: %+v", revoked)
	}
	if r := thonsync(t, nil, "", in("device", "revoke", id)...).ok(t); !strings.Contains(r.out, "revoked before") {
		t.Errorf("revoked twice: %s", r.out)
	}
	if r := thonsync(t, nil, "", in("device", "list", "--state", "revoked")...).ok(t); !strings.Contains(r.out, "revoked (stolen)") {
		t.Errorf("list of revoked: %s", r.out)
	}
	if r := thonsync(t, nil, "", in("device", "list", "--state", "active")...).ok(t); strings.Contains(r.out, id) {
		t.Errorf("list of active: %s", r.out)
	}
	if r := thonsync(t, nil, "", in("device", "replace", id)...); r.code == exitOK || !strings.Contains(r.err, "revoke the point") {
		t.Errorf("replacing a point: %d %s", r.code, r.err)
	}
	thonsync(t, nil, "", in("device", "release", id)...).ok(t)
	if r := thonsync(t, nil, "", in("audit", "list", "--action", "device-revoked")...).ok(t); !strings.Contains(r.out, list[0].Origin.String()) {
		t.Errorf("access log: %s", r.out)
	}
	// The revoked point learns of it and takes nobody in any more.
	if code := stopPoint(); code != exitOK {
		t.Errorf("the point's serve exits with %d", code)
	}
	if code := stop(); code != exitOK {
		t.Errorf("the centre's serve exits with %d", code)
	}
	if r := thonsync(t, nil, "", in("device", "show", id)...).ok(t); !strings.Contains(r.out, "revoked") {
		t.Errorf("without a server: %s", r.out)
	}
}
