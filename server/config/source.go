package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// Origin says where a value came from.
type Origin string

// The origins, strongest first.
const (
	FromFlag    Origin = "flag"
	FromEnv     Origin = "environment"
	FromFile    Origin = "file"
	FromBuiltin Origin = "built-in"
)

// EnvPrefix starts the name of every environment variable that is read.
const EnvPrefix = "THONSYNC_"

// EnvName gives the environment variable of a setting.
func EnvName(setting string) string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(setting, "-", "_"))
}

// Names lists all settings in the order of Config.
func Names() []string {
	t := reflect.TypeFor[Config]()
	out := make([]string, t.NumField())
	for i := range out {
		out[i] = t.Field(i).Tag.Get("name")
	}
	return out
}

// Source answers for settings that the command line does not give. It is
// read-only once made, so safe for concurrent use.
type Source struct {
	lookup func(string) (string, bool)
	file   map[string]any
	path   string
}

// Open reads the configuration file at path; an empty path means none. Keys
// that are no setting are refused, because a mistyped key would silently leave
// a built-in value in force. lookup reads one environment variable.
func Open(path string, lookup func(string) (string, bool)) (*Source, error) {
	s := &Source{lookup: lookup, path: path}
	if path == "" {
		return s, nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("configuration file %s does not exist: create it or leave --config out", path)
	}
	if err != nil {
		return nil, fmt.Errorf("configuration file %s: %w", path, err)
	}
	if err := toml.Unmarshal(text, &s.file); err != nil {
		var perr toml.ParseError
		if errors.As(err, &perr) {
			return nil, fmt.Errorf("configuration file %s, line %d: %s", path, perr.Position.Line, perr.Message)
		}
		return nil, fmt.Errorf("configuration file %s: %w", path, err)
	}
	names := Names()
	for key := range s.file {
		if !slices.Contains(names, key) {
			return nil, fmt.Errorf("configuration file %s: unknown key %q; `thonsync config print` lists the keys", path, key)
		}
	}
	return s, nil
}

// Lookup gives a setting's text from environment or file. The last result is
// false where neither has it.
func (s *Source) Lookup(name string) (string, Origin, bool) {
	if v, ok := s.lookup(EnvName(name)); ok {
		return v, FromEnv, true
	}
	v, ok := s.file[name]
	if !ok {
		return "", FromBuiltin, false
	}
	return text(v), FromFile, true
}

// text gives a TOML value in the form that the command line takes. Lists become
// comma-separated.
func text(v any) string {
	list, ok := v.([]any)
	if !ok {
		return fmt.Sprint(v)
	}
	parts := make([]string, len(list))
	for i, e := range list {
		parts[i] = fmt.Sprint(e)
	}
	return strings.Join(parts, ",")
}

// Value is one setting as it is in force.
type Value struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Origin Origin `json:"origin"`
	Env    string `json:"env"`
}

// Values lists every setting of c with its origin. flags names those that the
// command line gave.
func (s *Source) Values(c *Config, flags map[string]bool) []Value {
	v := reflect.ValueOf(*c)
	out := make([]Value, v.NumField())
	for i := range out {
		name := v.Type().Field(i).Tag.Get("name")
		out[i] = Value{Name: name, Env: EnvName(name), Origin: FromBuiltin, Value: fmt.Sprint(v.Field(i).Interface())}
		if list, ok := v.Field(i).Interface().([]string); ok {
			out[i].Value = strings.Join(list, ",")
		}
		if _, origin, ok := s.Lookup(name); ok {
			out[i].Origin = origin
		}
		if flags[name] {
			out[i].Origin = FromFlag
		}
	}
	return out
}

// UnknownEnv lists variables of environ that carry the prefix and name no
// setting: mistyped ones, which would otherwise go unnoticed.
func UnknownEnv(environ []string) []string {
	known := map[string]bool{EnvPrefix + "CONFIG": true}
	for _, n := range Names() {
		known[EnvName(n)] = true
	}
	var out []string
	for _, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(name, EnvPrefix) && !known[name] {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}
