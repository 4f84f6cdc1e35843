package clientlib

// DefaultOpener is the opener that Open uses where none is given.
var DefaultOpener = defaultOpener
