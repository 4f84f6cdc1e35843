// Package house keeps the house rules: which folder may import which, what a package must say of
// itself, and what must never stand in the tree. It holds only tests. Every rule is also run on
// samples that break it, because a rule that cannot fail keeps nothing.
//
// A rule reads the files of the work tree, those that git would commit; it needs no network and
// builds nothing, so it also runs on a tree that does not compile.
package house
