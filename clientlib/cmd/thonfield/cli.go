package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/alecthomas/kong"

	"thonsync/clientlib/cmd/thonfield/internal/words"
)

// cli is the command line. Help texts are in the catalogue under help.*; the
// dots of their keys are underscores here.
type cli struct {
	Data string `help:"${help_data}" env:"THONFIELD_DATA" placeholder:"DIR"`
	Lang string `help:"${help_lang}" env:"THONSYNC_LANG" enum:"vi,en," default:"" placeholder:"vi|en"`
	JSON bool   `name:"json" help:"${help_json}"`

	Join   joinCmd   `cmd:"" help:"${help_join}"`
	Record recordCmd `cmd:"" help:"${help_record}"`
	Edit   editCmd   `cmd:"" help:"${help_edit}"`
	Void   voidCmd   `cmd:"" help:"${help_void}"`
	Answer answerCmd `cmd:"" help:"${help_answer}"`
	List   listCmd   `cmd:"" help:"${help_list}"`
	Show   showCmd   `cmd:"" help:"${help_show}"`
	Kinds  kindsCmd  `cmd:"" help:"${help_kinds}"`
	Guides guidesCmd `cmd:"" help:"${help_guides}"`
	People struct {
		Leave peopleLeaveCmd `cmd:"" help:"${help_people_leave}"`
		Reset peopleResetCmd `cmd:"" help:"${help_people_reset}"`
		List  peopleListCmd  `cmd:"" help:"${help_people_list}"`
		Use   peopleUseCmd   `cmd:"" help:"${help_people_use}"`
		Add   peopleAddCmd   `cmd:"" help:"${help_people_add}"`
		PIN   peoplePINCmd   `cmd:"" name:"pin" help:"${help_people_pin}"`
	} `cmd:"" aliases:"person" help:"${help_people}"`
	Status statusCmd `cmd:"" help:"${help_status}"`
	Sync   syncCmd   `cmd:"" help:"${help_sync}"`
	Bundle struct {
		Export exportCmd `cmd:"" help:"${help_bundle_export}"`
		Import importCmd `cmd:"" help:"${help_bundle_import}"`
	} `cmd:"" help:"${help_bundle}"`
	DropPersonal dropCmd    `cmd:"" help:"${help_drop}"`
	Reset        resetCmd   `cmd:"" help:"${help_reset}"`
	Doctor       doctorCmd  `cmd:"" help:"${help_doctor}"`
	Version      versionCmd `cmd:"" help:"${help_version}"`
}

// run does what args ask for and gives the exit code.
func run(ctx context.Context, env environment, args []string) int {
	lang := words.Choose(askedLang(args), locale())
	a := &app{environment: env, ctx: ctx, lang: lang, json: asksJSON(args)}
	var c cli
	exited := false
	parser, err := kong.New(&c, kong.Name("thonfield"), kong.Description(lang.T("help.program")), helpVars(lang),
		kong.Writers(env.out, env.errOut), kong.Exit(func(int) { exited = true }), kong.Help(helpIn(lang)),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		return a.fail(err)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	switch {
	case exited:
		return exitOK
	case err != nil:
		return a.fail(usageOf(err))
	}
	a.json, a.data = c.JSON, c.Data
	if err := parsed.Run(a); err != nil {
		return a.fail(err)
	}
	return a.exit
}

// askedLang finds the language before the command line is read, because help
// and complaints about the command line need it.
func askedLang(args []string) string {
	for i, s := range args {
		if s == "--lang" && i+1 < len(args) {
			return args[i+1]
		}
		if v, ok := strings.CutPrefix(s, "--lang="); ok {
			return v
		}
	}
	return os.Getenv("THONSYNC_LANG")
}

func locale() string {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := os.Getenv(name); v != "" {
			return v
		}
	}
	return ""
}

func asksJSON(args []string) bool {
	for _, s := range args {
		if s == "--json" || s == "--json=true" {
			return true
		}
	}
	return false
}

func helpVars(l words.Lang) kong.Vars {
	vars := kong.Vars{}
	for _, key := range words.Keys("help.") {
		vars[strings.ReplaceAll(key, ".", "_")] = l.T(key)
	}
	return vars
}

// helpIn prints kong's help with its headings in the language.
func helpIn(l words.Lang) kong.HelpPrinter {
	headings := strings.NewReplacer("Usage:", l.T("heading.usage"), "\nFlags:\n", "\n"+l.T("heading.flags")+"\n",
		"\nCommands:\n", "\n"+l.T("heading.commands")+"\n", "\nArguments:\n", "\n"+l.T("heading.arguments")+"\n",
		"Show context-sensitive help.", l.T("heading.help"), "\nRun \"", "\n"+l.T("heading.more")+" \"", "\" for more information on a command.", "\"")
	return func(options kong.HelpOptions, ctx *kong.Context) error {
		var buf bytes.Buffer
		out := ctx.Stdout
		ctx.Stdout = &buf
		err := kong.DefaultHelpPrinter(options, ctx)
		ctx.Stdout = out
		if err != nil {
			return err
		}
		_, err = io.WriteString(out, headings.Replace(buf.String()))
		return err
	}
}

var (
	flagName    = regexp.MustCompile(`--[a-z][a-z-]*`)
	nearCommand = regexp.MustCompile(`did you mean "([a-z-]+)"`)
	missingName = regexp.MustCompile(`[<"][a-z-]+[>"]|--[a-z-]+`)
)

// usageOf turns kong's complaint into one that repeats only names of flags and
// arguments: what stands in the wrong place may be somebody's name.
func usageOf(err error) error {
	var pe *kong.ParseError
	text := err.Error()
	if !errors.As(err, &pe) {
		return err
	}
	switch {
	case strings.HasPrefix(text, "unexpected argument"):
		if near := nearCommand.FindStringSubmatch(text); near != nil {
			return usage("usage.command", "what", near[1])
		}
		return usage("usage.argument")
	case strings.HasPrefix(text, "missing"), strings.HasPrefix(text, "expected"):
		return usage("usage.missing", "what", strings.Join(missingName.FindAllString(text, -1), " "))
	case strings.HasPrefix(text, "unknown flag"):
		return usage("usage.flag")
	case strings.HasPrefix(text, "--"):
		return usage("usage.value", "what", flagName.FindString(text))
	default:
		return usage("usage.other")
	}
}
