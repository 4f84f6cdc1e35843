// Package browser holds the tests of the console's pages in a real Chromium: each
// page's main job, its access for everybody, its weight, and its pictures. They
// share one world, made by package browsertest.
//
// `make console` fetches what they need besides Chromium; `make screens` also
// writes the pictures into docs/screens. CHROMIUM names the browser's program.
package browser
