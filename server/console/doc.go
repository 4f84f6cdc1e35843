// Package console serves the web console: pages of Preact and TypeScript that
// esbuild bundles into dist, which is committed and embedded, so that building
// the program needs neither node nor the network.
//
// How to add a page, say for conflicts:
//
//  1. Write src/words/conflicts.ts: words({title: ["Bất đồng", "Conflicts"]}).
//  2. Write src/pages/conflicts.tsx with a default export; take everything from
//     ../kit and ../api, and see pages/audit.tsx for a whole one.
//  3. Add its line to src/pages.ts: address, title, roles, where.
//  4. Run `make console`, which writes the types of the documented API, checks
//     the types of the pages and builds dist. Commit dist together with src.
//  5. Write browser/conflicts_test.go after browser/audit_test.go.
//
// dist is a product: after a merge or a rebase take either side of it and run
// `make console` again. The check compares it with its source.
package console
