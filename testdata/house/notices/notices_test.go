package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	mit    = "Copyright (c) 2024 Lan\n\nPermission is hereby granted, free of charge, to any person.\nThe above copyright notice and this permission notice shall be included.\n"
	bsd3   = "Redistribution and use in source and binary forms are permitted. Neither the name of Lan may be used.\n"
	bsd2   = "Redistribution and use in source and binary forms:\nRedistributions of source code must retain it.\nRedistributions in binary form must reproduce it.\n"
	apache = "Apache License\nVersion 2.0, January 2004\nTERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION\n"
	gpl    = "GNU GENERAL PUBLIC LICENSE\nVersion 3\n"
)

func TestIdentify(t *testing.T) {
	for text, want := range map[string]string{
		mit: "MIT", bsd3: "BSD-3-Clause", bsd2: "BSD-2-Clause", apache: "Apache-2.0",
		gpl: "", "All rights reserved.": "", gpl + apache: "",
	} {
		if got := identify(text); got != want {
			t.Errorf("identify(%q) = %q, want %q", text, got, want)
		}
	}
}

// write makes a file below a folder.
func write(t *testing.T, dir, name, data string) {
	t.Helper()
	p := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestGather wants the licences between a linked package and its module's root, and no others.
func TestGather(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "LICENSE", mit)
	write(t, dir, "inner/LICENSE.txt", bsd3)
	write(t, dir, "unused/COPYING", gpl)
	write(t, dir, "inner/deep/a.go", "package deep\n")
	packages := []linked{
		{module: "example.org/b", version: "v1.0.0", moduleDir: dir, dir: dir},
		{module: "example.org/a", version: "v1.2.0", moduleDir: dir, dir: filepath.Join(dir, "inner", "deep")},
		{module: "example.org/a", version: "v1.2.0", moduleDir: dir, dir: filepath.Join(dir, "inner", "deep")},
	}
	works, err := gather(packages)
	if err != nil {
		t.Fatal(err)
	}
	page := render(works)
	for _, want := range []string{
		"| example.org/a | v1.2.0 | BSD-3-Clause, MIT |\n| example.org/b | v1.0.0 | MIT |\n",
		"## example.org/a, example.org/b\n",
		"Neither the name of Lan",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	if n := strings.Count(page, "Permission is hereby granted"); n != 1 {
		t.Errorf("the MIT text stands %d times, want once", n)
	}
}

// TestGatherRefuses wants an error for a module whose licence is missing or does not permit linking.
func TestGatherRefuses(t *testing.T) {
	for name, text := range map[string]string{"README.md": mit, "COPYING": gpl} {
		dir := t.TempDir()
		write(t, dir, name, text)
		if _, err := gather([]linked{{module: "example.org/c", version: "v1", moduleDir: dir, dir: dir}}); err == nil || !strings.Contains(err.Error(), "example.org/c") {
			t.Errorf("%s: error %v, want one that names the module", name, err)
		}
	}
}

func TestCopiedWorks(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "testdata/units/LICENSES/list-2025.MIT.txt", strings.ReplaceAll(mit, "\n", "\r\n"))
	write(t, dir, "node_modules/x/LICENSES/y.MIT.txt", "nothing")
	works, err := copiedWorks(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(works) != 1 || works[0].name != "list-2025" || works[0].version != "in testdata/units" || works[0].texts[0] != mit {
		t.Errorf("copied works %+v", works)
	}
}

// TestThisTree reads the licences of this module's own programs.
func TestThisTree(t *testing.T) {
	list, err := listLinked(t.Context(), filepath.Join("..", "..", ".."), "linux/amd64", []string{"./syncproto/..."})
	if err != nil {
		t.Fatal(err)
	}
	works, err := gather(list)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, w := range works {
		names[w.name] = true
	}
	if !names["github.com/google/uuid"] || !names["golang.org/x/text"] {
		t.Errorf("works %v, want uuid and x/text among them", names)
	}
}
