// Package e2e holds the tests of the whole: real servers and devices over real
// HTTP on loopback, with real databases, cut and killed on purpose.
package e2e
