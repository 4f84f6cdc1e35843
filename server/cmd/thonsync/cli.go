package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/alecthomas/kong"

	"thonsync/clientlib/httptransport"
	"thonsync/server"
	"thonsync/server/config"
	"thonsync/syncproto"
)

// environment is the world outside, so that tests can bring their own.
type environment struct {
	args    []string
	lookup  func(string) (string, bool)
	environ []string
	in      io.Reader
	out     io.Writer
	err     io.Writer
	// ready is told the address once a server answers; nil outside of tests.
	ready func(address string)
}

// cli lists the commands. A new command is a file with a type that has Run, and
// one line here.
type cli struct {
	File string        `name:"config" placeholder:"FILE" help:"Configuration file (TOML); also THONSYNC_CONFIG."`
	JSON bool          `name:"json" help:"Print results as JSON."`
	C    config.Config `embed:"" group:"Settings"`

	Serve   serveCmd      `cmd:"" help:"Run a centre, or with --upstream or --join a point."`
	Import  importCmd     `cmd:"" help:"Import units, teams, members, kinds, guides, criteria, targets or trainings at the centre."`
	Over    overviewCmd   `cmd:"" name:"overview" help:"How many teams work, over time, where not, and what would help."`
	Unit    unitCmd       `cmd:"" help:"A unit with those below it and its teams."`
	Team    teamCmd       `cmd:"" help:"One team: verdict, reasons, next step, phones, history."`
	Crit    criteriaCmd   `cmd:"" name:"criteria" help:"The criteria by which a team is said to work, with their history."`
	Target  targetCmd     `cmd:"" help:"Targets of units, with progress."`
	Project projectionCmd `cmd:"" name:"projection" help:"What reports count ahead: prove it against the records, or count it anew."`
	Report  reportCmd     `cmd:"" help:"Reports: which teams work, what was done, what is missing."`
	Export  exportCmd     `cmd:"" help:"Export activities to a file."`
	Status  statusCmd     `cmd:"" help:"Show what this server holds and when it last reached others."`
	Lists   registerCmd   `cmd:"" name:"register" help:"Compare what was recorded with lists of what others enrolled."`
	Reorg   reorganiseCmd `cmd:"" name:"reorganise" help:"Reorganisations of the units: plan, dry run, apply, place what was split, undo."`
	Health  healthCmd     `cmd:"" help:"What is wrong on the way from phones to the centre, and what to do next."`
	Link    linkCmd       `cmd:"" help:"Records that may be about the same citizen: compare, link, keep apart, undo."`
	Code    codeCmd       `cmd:"" help:"Joining codes for phones and points."`
	Point   pointCmd      `cmd:"" help:"Points and what they may issue."`
	Device  deviceCmd     `cmd:"" help:"Phones and points: what is missing from them; revoke a lost one, release its later work, replace it."`
	PIN     pinCmd        `cmd:"" name:"pin" help:"Forgotten PINs of phones."`
	Bundle  bundleCmd     `cmd:"" help:"Carry changes and answers as files."`
	Backup  backupCmd     `cmd:"" help:"Make an encrypted backup and restore it in a drill."`
	Restore restoreCmd    `cmd:"" help:"Put a backup into an empty data folder."`
	Verify  verifyCmd     `cmd:"" help:"Prove every chain of the data folder, or of a backup."`
	Account accountsCmd   `cmd:"" name:"accounts" help:"Who may sign in to the pages of this server."`
	Keys    keysCmd       `cmd:"" help:"Keys: list, replace, destroy, on paper and back."`
	Token   tokenCmd      `cmd:"" help:"Tokens of other programs: what they may read, and until when."`
	Webhook webhookCmd    `cmd:"" help:"Tell other systems of events: what is newly wrong."`
	Request requestCmd    `cmd:"" help:"Requests of citizens about their data, and breaches, with legal due dates."`
	Contest conflictCmd   `cmd:"" name:"conflict" help:"Contested fields: who wrote what; settle, settle alike, undo, ask the team back."`
	Audit   auditCmd      `cmd:"" help:"The access log: who signed in, who saw personal fields."`
	Doctor  doctorCmd     `cmd:"" help:"Look for what is wrong and say what to do."`
	Demo    demoCmd       `cmd:"" help:"Play a market day on this machine and check every promise."`
	Phone   demoPhoneCmd  `cmd:"" name:"demo-phone" hidden:""`
	Decode  decodeCmd     `cmd:"" help:"Show a segment, bundle, key notice or message as JSON."`
	Setup   configCmd     `cmd:"" name:"config" help:"Show the settings."`
	Version versionCmd    `cmd:"" help:"Show program and protocol versions."`
}

// app is what commands work with.
type app struct {
	environment
	ctx    context.Context
	cfg    config.Config
	source *config.Source
	flags  map[string]bool // settings that the command line gave
	json   bool
	lines  *bufio.Reader // standard input, once somebody reads lines of it
	log    *slog.Logger
}

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// exitNow leaves kong, which wants to end the process after --help.
type exitNow int

func run(ctx context.Context, env environment) (code int) {
	defer func() {
		if p := recover(); p != nil {
			e, ok := p.(exitNow)
			if !ok {
				panic(p)
			}
			code = int(e)
		}
	}()
	err := execute(ctx, env)
	if err == nil {
		return exitOK
	}
	fmt.Fprintln(env.err, "thonsync:", message(err))
	if _, ok := errors.AsType[*kong.ParseError](err); ok {
		return exitUsage
	}
	return exitFailed
}

// message gives what a person at the terminal should read: of protocol errors
// the sentence with its code, and the cause, which stays on this machine.
func message(err error) string {
	if e, ok := errors.AsType[*syncproto.Error](err); ok && e.Err == nil {
		return e.Message + " (" + string(e.Code) + ")"
	}
	return err.Error()
}

func execute(ctx context.Context, env environment) error {
	source, err := config.Open(configPath(env), env.lookup)
	if err != nil {
		return err
	}
	var c cli
	parser, err := kong.New(&c,
		kong.Name("thonsync"), kong.Description("Thonsync: what village teams record, carried to one store that everybody can trust."),
		kong.Writers(env.out, env.err), kong.Exit(func(code int) { panic(exitNow(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}), kong.Resolvers(resolver{source}),
	)
	if err != nil {
		return err
	}
	parsed, err := parser.Parse(env.args)
	if err != nil {
		return err
	}
	a := &app{environment: env, ctx: ctx, cfg: c.C, source: source, flags: given(parsed), json: c.JSON}
	a.log = newLog(env.err, c.C)
	for _, name := range config.UnknownEnv(env.environ) {
		a.log.Warn("environment variable is no setting and has no effect", "name", name)
	}
	return parsed.Run(a)
}

// configPath finds --config before the command line is parsed, since the file
// gives values to other flags.
func configPath(env environment) string {
	for i, a := range env.args {
		if v, ok := strings.CutPrefix(a, "--config="); ok {
			return v
		}
		if a == "--config" && i+1 < len(env.args) {
			return env.args[i+1]
		}
		if a == "--" {
			break
		}
	}
	v, _ := env.lookup(config.EnvPrefix + "CONFIG")
	return v
}

// resolver gives kong what environment and file say about a flag.
type resolver struct{ source *config.Source }

// Validate has nothing to check: config.Open refuses unknown keys.
func (resolver) Validate(*kong.Application) error { return nil }

// Resolve looks a flag up.
func (r resolver) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if flag.Name == "config" {
		return nil, nil
	}
	v, _, ok := r.source.Lookup(flag.Name)
	if !ok {
		return nil, nil
	}
	return v, nil
}

// given lists the flags that stand on the command line.
func given(c *kong.Context) map[string]bool {
	out := make(map[string]bool)
	for _, p := range c.Path {
		if p.Flag != nil && !p.Resolved {
			out[p.Flag.Name] = true
		}
	}
	return out
}

func newLog(w io.Writer, c config.Config) *slog.Logger {
	var level slog.Level
	if level.UnmarshalText([]byte(c.LogLevel)) != nil {
		level = slog.LevelInfo // the enum of the flag allows nothing that gets here
	}
	o := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// options are those of a server that this program opens.
func (a *app) options() server.Options {
	return server.Options{
		Reports: server.Reporter, Mounts: server.Pages,
		Version: programVersion(), Commit: commit(), Log: a.log, Transport: httptransport.New(0),
		Digits: func(d string) { a.say("Compare these six digits with the officer at the centre: %s", d) },
	}
}

// quiet are the options of a command that opens the data folder only for a
// moment; its log would drown its result.
func (a *app) quiet() server.Options {
	o := a.options()
	o.Log = newLog(a.err, config.Config{LogLevel: "warn", LogFormat: a.cfg.LogFormat})
	return o
}
