// Package config defines the settings of a point or centre and where each value
// comes from: command line over environment over file over built-in value. It
// starts nothing and touches no data folder.
package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"time"
)

// Config holds every setting. The tags are the single list of names, built-in
// values and help texts; the command line, the environment (THONSYNC_ and the
// name in capitals) and the file all use them. Times are Go durations ("90s",
// "24h"), sizes are bytes.
type Config struct {
	Data      string `name:"data" default:"thonsync-data" placeholder:"DIR" help:"Folder that holds databases and keys."`
	Listen    string `name:"listen" default:":8017" placeholder:"HOST:PORT" help:"Address that phones and points reach."`
	PublicURL string `name:"public-url" default:"" placeholder:"URL" help:"Address to print in joining codes; empty to derive it from the listen address."`
	Upstream  string `name:"upstream" default:"" placeholder:"URL" help:"Address of the next server up; makes this server a point."`

	TLSCert        string   `name:"tls-cert" default:"" placeholder:"FILE" help:"Certificate chain in PEM form."`
	TLSKey         string   `name:"tls-key" default:"" placeholder:"FILE" help:"Key of the certificate in PEM form."`
	ACMEDomains    []string `name:"acme-domain" placeholder:"NAME" help:"Names to fetch certificates for by ACME."`
	ACMEEmail      string   `name:"acme-email" default:"" placeholder:"ADDRESS" help:"Contact for the certificate authority."`
	TrustedProxies []string `name:"trusted-proxy" placeholder:"IP|CIDR" help:"Proxies whose X-Forwarded-For is believed."`

	LogFormat string `name:"log-format" default:"text" enum:"text,json" help:"Form of log lines: text or json."`
	LogLevel  string `name:"log-level" default:"info" enum:"debug,info,warn,error" help:"Lowest level that is logged."`

	BodyLimit      int           `name:"body-limit" default:"1048576" help:"Largest request body in bytes."`
	Concurrency    int           `name:"concurrency" default:"64" help:"Exchanges answered at once; further ones wait or are told to come back."`
	Queue          int           `name:"queue" default:"256" help:"Exchanges that may wait for their turn."`
	MaxPerIP       int           `name:"max-per-ip" default:"512" help:"Connections from one address; a whole hotspot shares one. The one open longest gives way."`
	MaxConnections int           `name:"max-connections" default:"1024" help:"Connections from all addresses together; the one open longest gives way to a new one."`
	PhoneBurst     int           `name:"phone-burst" default:"67108864" help:"Bytes that one phone may bring in at once; a point may bring in sixteen times as much."`
	PhoneRate      int           `name:"phone-rate" default:"16384" help:"Bytes per second that a phone's burst grows again by."`
	ReadTimeout    time.Duration `name:"read-timeout" default:"120s" help:"Longest time for a request to arrive."`
	WriteTimeout   time.Duration `name:"write-timeout" default:"120s" help:"Longest time for an answer to leave."`
	IdleTimeout    time.Duration `name:"idle-timeout" default:"90s" help:"How long an idle connection is kept."`
	WorkTimeout    time.Duration `name:"work-timeout" default:"30s" help:"Longest time to work on one request."`
	DrainTimeout   time.Duration `name:"drain-timeout" default:"20s" help:"How long a stopping server waits for requests under way."`

	SessionIdle    time.Duration `name:"session-idle" default:"30m" help:"An unused session of an operator ends after this time."`
	SessionLength  time.Duration `name:"session-length" default:"12h" help:"Every session of an operator ends after this time."`
	WebhookPrivate bool          `name:"webhook-private" help:"Let webhooks call this machine and private networks, also without TLS."`
	SecondFactor   string        `name:"second-factor" default:"province" enum:"all,province,none" help:"Whose accounts must have a second factor: all, those of province operators, or none."`

	RotateEvery   time.Duration `name:"rotate-every" default:"168h" help:"Age at which the exchange key is replaced."`
	SealEvery     time.Duration `name:"seal-every" default:"720h" help:"Age at which the centre's sealing key is replaced; 0 for never."`
	SealKeep      time.Duration `name:"seal-keep" default:"2160h" help:"How long a replaced sealing key still opens what was sealed to it; then it is destroyed, and phones seal again what comes later. 0 for ever."`
	KeySecretFile string        `name:"key-secret-file" default:"" placeholder:"FILE" help:"File with the passphrase that the key files are encrypted under, such as a systemd credential; empty for plain files that only their owner may read."`
	SyncEvery     time.Duration `name:"sync-every" default:"60s" help:"Pause between a point's exchanges when there is nothing new."`

	BackupFolder string        `name:"backup-folder" default:"" placeholder:"DIR" help:"Where backups go; best another disk. Empty for none."`
	BackupKeys   string        `name:"backup-keys" default:"" placeholder:"DIR" help:"Where the keys of backups are kept; never inside the backup folder. Empty for DATA/backup-keys."`
	BackupEvery  time.Duration `name:"backup-every" default:"24h" help:"Pause between backups; 0 for none on a schedule."`
	BackupKeep   int           `name:"backup-keep" default:"14" help:"Backups that are kept."`
	BackupPeriod time.Duration `name:"backup-period" default:"240h" help:"How long one key serves for backups."`
	EraseWithin  time.Duration `name:"erase-within" default:"480h" help:"Age at which a backup key is destroyed: the legal time for an erasure."`
}

// Centre reports whether these settings describe the centre.
func (c *Config) Centre() bool { return c.Upstream == "" }

// BackupKeyFolder gives the folder of backup keys.
func (c *Config) BackupKeyFolder() string {
	if c.BackupKeys != "" {
		return c.BackupKeys
	}
	return filepath.Join(c.Data, "backup-keys")
}

// TLS reports whether the server itself speaks TLS.
func (c *Config) TLS() bool { return c.TLSCert != "" || len(c.ACMEDomains) > 0 }

// ServerURL gives the address for joining codes: the configured one, or one
// made from the listen address and host, which is what this machine is called
// by others.
func (c *Config) ServerURL(host string) string {
	if c.PublicURL != "" {
		return strings.TrimRight(c.PublicURL, "/")
	}
	scheme := "http"
	if c.TLS() {
		scheme = "https"
	}
	h, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return scheme + "://" + host
	}
	if ip, err := netip.ParseAddr(h); h == "" || err == nil && ip.IsUnspecified() {
		h = host
	}
	return scheme + "://" + net.JoinHostPort(h, port)
}

// Check reports the first setting that cannot work, naming it and what to do.
func (c *Config) Check() error {
	for _, check := range []func() error{c.checkAddresses, c.checkTLS, c.checkLimits, c.checkBackup} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) checkAddresses() error {
	if c.Data == "" {
		return fmt.Errorf("data is empty: name a folder")
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		return fmt.Errorf("listen %q is not HOST:PORT: write for example :8017", c.Listen)
	}
	for name, v := range map[string]string{"upstream": c.Upstream, "public-url": c.PublicURL} {
		if v == "" {
			continue
		}
		u, err := url.Parse(v)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return fmt.Errorf("%s is no http or https address: write for example https://sync.example.org", name)
		}
	}
	for _, p := range c.TrustedProxies {
		if _, err := netip.ParseAddr(p); err == nil {
			continue
		}
		if _, err := netip.ParsePrefix(p); err != nil {
			return fmt.Errorf("trusted-proxy %q is neither an address nor a network", p)
		}
	}
	return nil
}

func (c *Config) checkTLS() error {
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return fmt.Errorf("tls-cert and tls-key belong together: give both or neither")
	}
	if c.TLSCert != "" && len(c.ACMEDomains) > 0 {
		return fmt.Errorf("tls-cert and acme-domain exclude each other: keep one")
	}
	return nil
}

func (c *Config) checkLimits() error {
	for name, v := range map[string]int{
		"body-limit": c.BodyLimit, "concurrency": c.Concurrency, "max-per-ip": c.MaxPerIP,
		"max-connections": c.MaxConnections, "phone-burst": c.PhoneBurst, "phone-rate": c.PhoneRate, "backup-keep": c.BackupKeep,
	} {
		if v < 1 {
			return fmt.Errorf("%s is %d: it must be at least 1", name, v)
		}
	}
	if c.Queue < 0 {
		return fmt.Errorf("queue is %d: it must not be negative", c.Queue)
	}
	for name, v := range map[string]time.Duration{
		"read-timeout": c.ReadTimeout, "write-timeout": c.WriteTimeout, "idle-timeout": c.IdleTimeout,
		"work-timeout": c.WorkTimeout, "drain-timeout": c.DrainTimeout, "rotate-every": c.RotateEvery,
		"sync-every": c.SyncEvery, "backup-period": c.BackupPeriod, "erase-within": c.EraseWithin,
		"session-idle": c.SessionIdle, "session-length": c.SessionLength,
	} {
		if v <= 0 {
			return fmt.Errorf("%s is %v: it must be longer than zero", name, v)
		}
	}
	if c.SealEvery < 0 || c.SealKeep < 0 {
		return fmt.Errorf("seal-every and seal-keep must not be negative: write 0 for keys that stay")
	}
	return nil
}

func (c *Config) checkBackup() error {
	if c.BackupEvery < 0 {
		return fmt.Errorf("backup-every is %v: write 0 for no schedule", c.BackupEvery)
	}
	if c.BackupPeriod >= c.EraseWithin {
		return fmt.Errorf("backup-period %v must be shorter than erase-within %v, or an erased record would outlive its deadline in a backup", c.BackupPeriod, c.EraseWithin)
	}
	if c.BackupFolder == "" {
		return nil
	}
	keys, err := filepath.Abs(c.BackupKeyFolder())
	if err != nil {
		return fmt.Errorf("backup-keys: %w", err)
	}
	folder, err := filepath.Abs(c.BackupFolder)
	if err != nil {
		return fmt.Errorf("backup-folder: %w", err)
	}
	if rel, err := filepath.Rel(folder, keys); err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return fmt.Errorf("backup-keys lies inside backup-folder: whoever takes the backups would have their keys; choose another folder")
	}
	return nil
}
