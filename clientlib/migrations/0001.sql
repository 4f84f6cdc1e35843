-- The device's tables beside its change log.
--
-- device, succession, server, credential and peer_head are frozen together with
-- the change log's tables: with them an older program can still send what is unsent from a
-- database that a newer one has migrated. Later migrations add to them and never
-- take away. All times are Unix milliseconds; "encrypted" means under the secret
-- of the key store, bound to the row.

-- Exactly one row.
CREATE TABLE device (
    one             INTEGER PRIMARY KEY CHECK (one = 1),
    centre          BLOB,                               -- line of the pinned centre's keys; NULL until joined
    seal            BLOB CHECK (length(seal) = 32),     -- centre's current sealing key
    seal_made       INTEGER NOT NULL DEFAULT 0,         -- when the centre made it, centre's clock
    seal_under      INTEGER NOT NULL DEFAULT 0,         -- number of the centre's key that signed for it
    identity        BLOB CHECK (length(identity) = 16), -- own origin that the credential was issued to; signs requests
    role            TEXT NOT NULL DEFAULT '',
    unit            TEXT NOT NULL DEFAULT '',           -- home unit, list:code
    team            BLOB,
    person          BLOB,                               -- who acts now
    beacon_ms       INTEGER NOT NULL DEFAULT 0,         -- newest signed time seen, centre's clock
    beacon_tag      BLOB,
    clock_offset_ms INTEGER NOT NULL DEFAULT 0,         -- own clock minus server's
    last_server     TEXT NOT NULL DEFAULT '',
    last_success_ms INTEGER NOT NULL DEFAULT 0,         -- own clock
    last_error      TEXT NOT NULL DEFAULT '',
    last_error_code TEXT NOT NULL DEFAULT '',
    restored        INTEGER NOT NULL DEFAULT 0,         -- how often a new origin had to begin
    revoked         BLOB                                -- the centre's ruling, if it has revoked this device
) STRICT;

-- How far each own origin's changes are in a file that outlasts this device.
CREATE TABLE exported (
    origin BLOB PRIMARY KEY CHECK (length(origin) = 16),
    seq    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- How far each own origin had got when this device learned of a key of the
-- centre: receipts under the keys before count no further.
CREATE TABLE succession (
    number INTEGER NOT NULL,
    origin BLOB NOT NULL CHECK (length(origin) = 16),
    seq    INTEGER NOT NULL,
    PRIMARY KEY (number, origin)
) STRICT, WITHOUT ROWID;

-- Tried in the order of position.
CREATE TABLE server (
    position INTEGER PRIMARY KEY,
    url      TEXT NOT NULL UNIQUE,
    notice   BLOB                                       -- verified key notice
) STRICT;

-- Credential chains, verified up to the pinned centre before they are stored.
CREATE TABLE credential (
    origin BLOB PRIMARY KEY CHECK (length(origin) = 16),
    chain  TEXT NOT NULL                                -- JSON list of tokens, the origin's own first
) STRICT, WITHOUT ROWID;

-- What a peer last said it holds of an origin.
CREATE TABLE peer_head (
    peer   BLOB NOT NULL CHECK (length(peer) = 16),
    origin BLOB NOT NULL CHECK (length(origin) = 16),
    seq    INTEGER NOT NULL,
    open   BLOB NOT NULL,
    closed BLOB NOT NULL,
    PRIMARY KEY (peer, origin)
) STRICT, WITHOUT ROWID;

-- Verified receipts for own origins and for origins whose segments are carried.
-- One that a later one of the same issuer covers under the same or a higher mark
-- is dropped.
CREATE TABLE receipt (
    origin    BLOB NOT NULL CHECK (length(origin) = 16),
    issuer    BLOB NOT NULL CHECK (length(issuer) = 16),
    mark      INTEGER NOT NULL,
    first     INTEGER NOT NULL,
    last      INTEGER NOT NULL,
    issued_ms INTEGER NOT NULL,                         -- issuer's clock
    bytes     BLOB NOT NULL,
    PRIMARY KEY (origin, issuer, first, last, mark, issued_ms)
) STRICT;

-- Own changes whose outcome at the centre is not plain acceptance, as the
-- newest receipt that covers them says.
CREATE TABLE outcome (
    origin    BLOB NOT NULL CHECK (length(origin) = 16),
    seq       INTEGER NOT NULL,
    outcome   INTEGER NOT NULL,
    reason    TEXT NOT NULL,
    issued_ms INTEGER NOT NULL,
    PRIMARY KEY (origin, seq)
) STRICT, WITHOUT ROWID;

-- How far each feed was read; advanced in the transaction that stores what it
-- covers.
CREATE TABLE checkpoint (
    feed     TEXT PRIMARY KEY,
    epoch    BLOB NOT NULL CHECK (length(epoch) = 16),
    position INTEGER NOT NULL,
    page     BLOB NOT NULL CHECK (length(page) = 32),
    key      INTEGER NOT NULL DEFAULT 0                 -- lowest number of the centre's key that may sign the next page
) STRICT, WITHOUT ROWID;

-- Changes of others, operational part only. Two rows of one origin and seq are
-- two branches of a fork.
CREATE TABLE seen_change (
    origin      BLOB NOT NULL CHECK (length(origin) = 16),
    seq         INTEGER NOT NULL,
    open        BLOB NOT NULL CHECK (length(open) = 16), -- leading octets of o(seq)
    prev        BLOB CHECK (length(prev) = 16),          -- of o(seq-1); NULL for what stood in a page only
    record      BLOB NOT NULL CHECK (length(record) = 16),
    header      BLOB NOT NULL,                           -- canonical row
    operational BLOB NOT NULL,                           -- canonical row
    vouched     INTEGER NOT NULL,                        -- 1: stood in a page signed by the centre
    PRIMARY KEY (origin, seq, open)
) STRICT, WITHOUT ROWID;

CREATE INDEX seen_change_record ON seen_change (record);

-- How far the changes of an origin are held without a gap: of a colleague's, of
-- what another copy of this device wrote, of what this device lost. A forked
-- origin has a row for each branch.
CREATE TABLE colleague (
    origin BLOB NOT NULL CHECK (length(origin) = 16),
    seq    INTEGER NOT NULL,
    open   BLOB NOT NULL,
    closed BLOB NOT NULL,
    PRIMARY KEY (origin, seq, open, closed)
) STRICT, WITHOUT ROWID;

-- The centre's rulings. number is unique at the centre.
CREATE TABLE ruling (
    number INTEGER PRIMARY KEY,
    kind   INTEGER NOT NULL,
    origin BLOB NOT NULL,
    seq    INTEGER NOT NULL,
    record BLOB NOT NULL,                               -- for an erasure; zero otherwise
    bytes  BLOB NOT NULL
) STRICT;

CREATE INDEX ruling_target ON ruling (origin, seq);
CREATE INDEX ruling_record ON ruling (record);

-- Records as merged from log_change, seen_change and ruling, and nothing else:
-- any row can be rebuilt.
CREATE TABLE record (
    collection  INTEGER NOT NULL,
    id          BLOB NOT NULL CHECK (length(id) = 16),
    lookup      TEXT NOT NULL,                          -- activities and kinds: kind code; units: list:code; else ''
    created_ms  INTEGER NOT NULL,                       -- stamp of the creating change
    author      BLOB,                                   -- of the creating change
    operational BLOB NOT NULL,                          -- canonical row of shown values
    personal    BLOB,                                   -- same, encrypted; NULL where nothing is known
    id_tail     BLOB,                                   -- last three digits of a dropped identity number, encrypted
    flags       INTEGER NOT NULL,                       -- see flag constants in merged.go
    PRIMARY KEY (collection, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX record_unit ON record (lookup) WHERE collection = 1;

-- Origins of which two branches were seen.
CREATE TABLE forked (
    origin BLOB PRIMARY KEY CHECK (length(origin) = 16)
) STRICT, WITHOUT ROWID;

-- Segments carried for colleagues, verbatim. A row goes on the centre's receipt
-- for exactly these changes.
CREATE TABLE cargo (
    id       INTEGER PRIMARY KEY,
    origin   BLOB NOT NULL CHECK (length(origin) = 16),
    first    INTEGER NOT NULL,
    last     INTEGER NOT NULL,
    sum      BLOB NOT NULL UNIQUE,                      -- SHA-256 of bytes
    bytes    BLOB NOT NULL,
    added_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX cargo_origin ON cargo (origin, first);

-- People who share the device.
CREATE TABLE person (
    id              BLOB PRIMARY KEY CHECK (length(id) = 16),
    name            BLOB NOT NULL,                      -- encrypted
    pin             BLOB,                               -- version 1, 16 octets of salt, 32 of Argon2id; NULL for none
    attempts        INTEGER NOT NULL DEFAULT 0,         -- wrong PINs in a row
    pause_ms        INTEGER NOT NULL DEFAULT 0,         -- how long to wait after the last
    tried_ms        INTEGER NOT NULL DEFAULT 0,         -- when that was, since the machine's start
    challenge       TEXT    NOT NULL DEFAULT ''         -- for a reset of the PIN; '' for none
) STRICT, WITHOUT ROWID;

-- At most one row: the join under way, until the device is taken in.
CREATE TABLE joining (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    sealed BLOB NOT NULL                                -- code, keys and nonces, encrypted
) STRICT;

-- Things received and signed that this program could not use; a newer one may.
CREATE TABLE aside (
    sum   BLOB PRIMARY KEY,                             -- SHA-256 of bytes
    kind  TEXT NOT NULL,                                -- page, item or segment
    bytes BLOB NOT NULL,
    code  TEXT NOT NULL,
    at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Guides that were opened on this device, by their record.
CREATE TABLE guide_opened (
    guide    BLOB PRIMARY KEY CHECK (length(guide) = 16),
    times    INTEGER NOT NULL,
    first_ms INTEGER NOT NULL,
    last_ms  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO device (one) VALUES (1);
