package main

import "strings"

// identify gives the SPDX identifier of a licence text, or "" when it is none of those that permit
// linking into a program under the Apache License 2.0. Copyleft licences are left out on purpose.
func identify(text string) string {
	t := strings.ToLower(strings.Join(strings.Fields(text), " "))
	has := func(parts ...string) bool {
		for _, p := range parts {
			if !strings.Contains(t, p) {
				return false
			}
		}
		return true
	}
	switch {
	case has("gnu general public license"), has("gnu affero"), has("gnu lesser general public license"), has("server side public license"), has("business source license"):
		return ""
	case has("apache license", "version 2.0", "terms and conditions for use, reproduction"):
		return "Apache-2.0"
	case has("mozilla public license version 2.0"), has("mozilla public license, version 2.0"):
		return "MPL-2.0"
	case has("redistribution and use in source and binary forms", "neither the name"):
		return "BSD-3-Clause"
	case has("redistribution and use in source and binary forms", "redistributions of source code must retain", "redistributions in binary form must reproduce"):
		return "BSD-2-Clause"
	case has("permission is hereby granted, free of charge", "the above copyright notice and this permission notice"):
		return "MIT"
	case has("permission to use, copy, modify, and/or distribute this software for any purpose"),
		has("permission to use, copy, modify, and distribute this software for any purpose"):
		return "ISC"
	case has("cc0 1.0 universal"):
		return "CC0-1.0"
	case has("this is free and unencumbered software released into the public domain"):
		return "Unlicense"
	case has("may you do good and not evil"), has("dedicated to the public domain"):
		return "public domain"
	}
	return ""
}
