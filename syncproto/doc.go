// Package syncproto defines the vocabulary of a sync and the rules that every
// replica shares: the canonical row, the two hash chains, the signed statement,
// references, rulings, the segment codec, receipts, feed pages, bundles and the
// exchange messages.
//
// It is pure: no I/O, no clock and no randomness of its own (both are passed
// in), and it builds for linux, windows, android/arm64 and js/wasm. The format
// is specified byte by byte in PROTOCOL.md; the vectors in testdata/vectors are
// frozen. All functions are safe for concurrent use unless they say otherwise;
// values handed in are never changed.
package syncproto
