package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"thonsync/server/config"
)

func open(t *testing.T, file string, env map[string]string) (*config.Source, error) {
	t.Helper()
	path := ""
	if file != "" {
		path = filepath.Join(t.TempDir(), "thonsync.toml")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return config.Open(path, func(k string) (string, bool) { v, ok := env[k]; return v, ok })
}

func TestEnvironmentWinsOverFile(t *testing.T) {
	s, err := open(t, "listen = \":1\"\ndata = \"d\"\nqueue = 5\ntrusted-proxy = [\"10.0.0.1\", \"10.1.0.0/16\"]\n", map[string]string{"THONSYNC_LISTEN": ":2", "THONSYNC_PUBLIC_URL": ""})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, value string
		origin      config.Origin
		ok          bool
	}{
		{"listen", ":2", config.FromEnv, true},
		{"public-url", "", config.FromEnv, true},
		{"data", "d", config.FromFile, true},
		{"queue", "5", config.FromFile, true},
		{"trusted-proxy", "10.0.0.1,10.1.0.0/16", config.FromFile, true},
		{"upstream", "", config.FromBuiltin, false},
	} {
		v, origin, ok := s.Lookup(c.name)
		if v != c.value || origin != c.origin || ok != c.ok {
			t.Errorf("%s: %q %s %v, want %q %s %v", c.name, v, origin, ok, c.value, c.origin, c.ok)
		}
	}
	values := s.Values(&config.Config{Listen: ":3"}, map[string]bool{"data": true})
	got := map[string]config.Value{}
	for _, v := range values {
		got[v.Name] = v
	}
	if got["data"].Origin != config.FromFlag || got["listen"].Origin != config.FromEnv || got["upstream"].Origin != config.FromBuiltin {
		t.Errorf("origins %v", got)
	}
	if len(values) != len(config.Names()) {
		t.Errorf("%d values of %d settings", len(values), len(config.Names()))
	}
}

func TestUnknownKeysAreRefused(t *testing.T) {
	for name, file := range map[string]string{
		"mistyped": "lisen = \":1\"\n",
		"table":    "[server]\nlisten = \":1\"\n",
	} {
		if _, err := open(t, file, nil); err == nil || !strings.Contains(err.Error(), "unknown key") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := open(t, "listen = \n", nil); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("damaged file: %v", err)
	}
	if _, err := config.Open("/nowhere/thonsync.toml", nil); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("missing file: %v", err)
	}
	got := config.UnknownEnv([]string{"THONSYNC_LISTEN=:1", "THONSYNC_LISEN=:1", "PATH=/bin", "THONSYNC_CONFIG=f"})
	if len(got) != 1 || got[0] != "THONSYNC_LISEN" {
		t.Errorf("unknown variables %v", got)
	}
}

// good gives settings that pass.
func good() config.Config {
	return config.Config{
		Data: "d", Listen: ":8017", BodyLimit: 1, Concurrency: 1, MaxPerIP: 1, MaxConnections: 1, PhoneBurst: 1, PhoneRate: 1, BackupKeep: 1,
		ReadTimeout: 1, WriteTimeout: 1, IdleTimeout: 1, WorkTimeout: 1, DrainTimeout: 1, RotateEvery: 1, SyncEvery: 1,
		SessionIdle: 1, SessionLength: 1, BackupPeriod: time.Hour, EraseWithin: 2 * time.Hour,
	}
}

func TestCheckNamesTheSetting(t *testing.T) {
	c := good()
	if err := c.Check(); err != nil {
		t.Fatalf("good settings: %v", err)
	}
	for want, spoil := range map[string]func(*config.Config){
		"listen":        func(c *config.Config) { c.Listen = "8017" },
		"upstream":      func(c *config.Config) { c.Upstream = "sync.example.org" },
		"public-url":    func(c *config.Config) { c.PublicURL = "ftp://x" },
		"tls-cert":      func(c *config.Config) { c.TLSCert = "c" },
		"acme-domain":   func(c *config.Config) { c.TLSCert, c.TLSKey, c.ACMEDomains = "c", "k", []string{"x"} },
		"trusted-proxy": func(c *config.Config) { c.TrustedProxies = []string{"proxy"} },
		"concurrency":   func(c *config.Config) { c.Concurrency = 0 },
		"work-timeout":  func(c *config.Config) { c.WorkTimeout = 0 },
		"seal-every":    func(c *config.Config) { c.SealEvery = -1 },
		"backup-period": func(c *config.Config) { c.BackupPeriod = c.EraseWithin },
		"backup-keys":   func(c *config.Config) { c.BackupFolder, c.BackupKeys = "b", "b/keys" },
		"data":          func(c *config.Config) { c.Data = "" },
	} {
		c := good()
		spoil(&c)
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	c.BackupFolder, c.BackupKeys = "b", "b-keys"
	if err := c.Check(); err != nil {
		t.Errorf("keys beside the backups: %v", err)
	}
}

func TestServerURL(t *testing.T) {
	for _, c := range []struct {
		cfg  config.Config
		want string
	}{
		{config.Config{PublicURL: "https://sync.example.org/", Listen: ":1"}, "https://sync.example.org"},
		{config.Config{Listen: ":8017"}, "http://box:8017"},
		{config.Config{Listen: "0.0.0.0:8017"}, "http://box:8017"},
		{config.Config{Listen: "192.168.1.1:8017"}, "http://192.168.1.1:8017"},
		{config.Config{Listen: "[::]:443", TLSCert: "c"}, "https://box:443"},
	} {
		if got := c.cfg.ServerURL("box"); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}
