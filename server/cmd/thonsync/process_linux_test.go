package main

import (
	"bufio"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"thonsync/server"
)

// asProgram has the test binary be the program.
const asProgram = "THONSYNC_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// process is the program as a process of its own.
func process(t *testing.T, stdin string, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), exe, args...)
	c.Env, c.Stdin = append(os.Environ(), asProgram+"=1"), strings.NewReader(stdin)
	return c
}

// secrets reads every secret of a keys folder in the forms in which one could
// slip out.
func secrets(t *testing.T, folder string) map[string]string {
	t.Helper()
	out := make(map[string]string)
	add := func(name string, raw []byte) {
		out[name+" in hex"] = hex.EncodeToString(raw)
		out[name+" in base64"] = base64.StdEncoding.EncodeToString(raw)
		out[name+" in base64url"] = base64.RawURLEncoding.EncodeToString(raw)
		out[name+" as a list"] = strings.Trim(fmt.Sprintf("%d", raw), "[]")
		out[name+" as octets"] = string(raw)
	}
	for _, name := range []string{"identity.key", "personal.key", "beacon.key", "own-log.key", "api-token"} {
		if _, err := os.Stat(filepath.Join(folder, name)); os.IsNotExist(err) && name == "api-token" {
			continue // made by the first serve
		}
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := hex.DecodeString(strings.TrimSpace(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		add(name, raw)
	}
	var seals struct {
		Keys []struct {
			Private []byte `json:"private"`
		} `json:"keys"`
	}
	text, err := os.ReadFile(filepath.Join(folder, "seal-keys.json"))
	if err == nil {
		err = json.Unmarshal(text, &seals)
	}
	if err != nil || len(seals.Keys) == 0 {
		t.Fatal(len(seals.Keys), err)
	}
	for i, k := range seals.Keys {
		add(fmt.Sprintf("sealing key %d", i), k.Private)
	}
	out["passphrase"] = passphrase
	return out
}

// A key or a passphrase never stands in a log, an error, a command line or an
// environment, where other users of the machine could read it.
func TestNoKeyInLogsAndProcessList(t *testing.T) {
	data := filepath.Join(t.TempDir(), "centre")
	folder := server.KeysFolder(data)
	var seen strings.Builder
	run := func(stdin string, wantFail bool, args ...string) {
		t.Helper()
		c := process(t, stdin, append([]string{"--data", data, "--log-level", "debug"}, args...)...)
		b, err := c.CombinedOutput()
		if (err != nil) != wantFail {
			t.Fatalf("%v: %v: %s", args, err, b)
		}
		seen.Write(b)
	}
	run("", false, "keys", "make")
	known := secrets(t, folder)

	serve := process(t, "", "--data", data, "--log-level", "debug", "serve", "--listen", "127.0.0.1:0")
	stdout, err := serve.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	serve.Stderr = &log
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		seen.WriteString(lines.Text() + "\n")
		if strings.HasPrefix(lines.Text(), "Centre") {
			break
		}
	}
	for _, file := range []string{"cmdline", "environ"} {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", serve.Process.Pid, file))
		if err != nil || len(b) == 0 {
			t.Fatalf("%s: %v", file, err)
		}
		seen.Write(b)
	}
	run(passphrase+"\n", false, "keys", "backup")
	run("", false, "keys", "rotate", "--signing", "--sealing", "--exchange")
	for name, s := range secrets(t, folder) {
		known["later "+name] = s
	}
	run("", false, "keys", "list")
	run("", false, "--json", "status")
	if err := serve.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
		seen.WriteString(lines.Text() + "\n")
	}
	if err := serve.Wait(); err != nil {
		t.Fatalf("%v: %s", err, log.String())
	}
	// A damaged key is named, not shown.
	for _, name := range []string{"identity.key", "seal-keys.json"} {
		path := filepath.Join(folder, name)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, good[:len(good)-9], 0o600); err != nil {
			t.Fatal(err)
		}
		run("", true, "keys", "list")
		if err := os.WriteFile(path, good, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	seen.WriteString(log.String())
	if !strings.Contains(seen.String(), "keys replaced") || !strings.Contains(seen.String(), "serve") {
		t.Fatalf("log and command line were not looked at: %s", seen.String())
	}
	for name, s := range known {
		if strings.Contains(seen.String(), s) {
			t.Errorf("%s came out", name)
		}
	}
}
