package syncproto

// Limits of the format. Every decoder checks a length against its limit before
// it allocates.
const (
	// Version is the protocol version this package writes.
	Version = 1

	MaxRowFields       = 128       // fields in one canonical row
	MaxValueBytes      = 16 << 10  // one text, bytes or list value
	MaxRowBytes        = 32 << 10  // one canonical row
	MaxListItems       = 64        // items of a list value
	MaxRefs            = 64        // references of one change, both compartments
	MaxSegmentChanges  = 1000      // changes in one segment
	MaxSegmentBytes    = 64 << 10  // one encoded segment
	MaxSegmentRawBytes = 512 << 10 // column bytes of one compartment before compression
	MaxSaltedChanges   = 100       // changes under one salt secret
	MaxMessageBytes    = 1 << 20   // one exchange message
	MaxBundleBytes     = 64 << 20  // one bundle
	MaxBundleEntries   = 1 << 17   // entries of one bundle
	MaxPageBytes       = 256 << 10 // one feed page
	MaxPageItems       = 2000      // items in one feed page
)
