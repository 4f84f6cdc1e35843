// Package clientlib is the device: a change log and the records it adds up to
// on SQLite, the people who share the device, and the exchange with points and
// the centre over a Transport or through bundle files.
//
// A Device is safe for concurrent use; its store has one connection, so calls
// take turns. Clock, randomness, transport and storage are handed in through
// Options, so a whole life of a device can be replayed from a seed. Every user
// action is one durable transaction.
//
// Personal fields, names of people and signing keys are encrypted on disk with
// a secret from the KeyStore. With the default key file beside the database
// this protects a copied database, not a copied directory: whoever holds both
// files reads everything. A PIN separates people who share a phone; it encrypts
// nothing.
package clientlib
