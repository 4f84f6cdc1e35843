-- The change log of a replica's own origins, one row per change.
--
-- These three tables are frozen: a program that meets a newer database may
-- still read them, cut segments from log_change and raise its marks. Later
-- migrations may add nullable columns or columns with a default; they never
-- drop, rename or re-purpose one.

CREATE TABLE log_origin (
    no      INTEGER PRIMARY KEY,                              -- 1.. in the order of opening; the highest takes new changes
    origin  BLOB NOT NULL UNIQUE CHECK (length(origin) = 16), -- derived from public
    public  BLOB NOT NULL CHECK (length(public) = 32),        -- Ed25519 public key
    seed    BLOB NOT NULL,                                    -- Ed25519 seed, encrypted, bound to origin
    made_ms INTEGER NOT NULL                                  -- own clock, Unix ms
) STRICT;

-- One secret per at most 100 changes or a day. A row goes when an erasure
-- expands its salts; changes then carry single salts.
CREATE TABLE log_salt (
    origin  INTEGER NOT NULL REFERENCES log_origin (no),
    first   INTEGER NOT NULL,                                 -- seq of the first change under it
    secret  BLOB NOT NULL,                                    -- encrypted, bound to origin and first
    made_ms INTEGER NOT NULL,
    PRIMARY KEY (origin, first)
) STRICT, WITHOUT ROWID;

-- Invariants: seq runs 1..n without gaps per origin; open and closed are the
-- chain after the change; a row is never changed except for mark and safe_ms,
-- and for personal, salt_first and salt when personal data go.
CREATE TABLE log_change (
    origin      INTEGER NOT NULL REFERENCES log_origin (no),
    seq         INTEGER NOT NULL CHECK (seq > 0),
    record      BLOB NOT NULL CHECK (length(record) = 16),
    stamp_ms    INTEGER NOT NULL,                             -- header's stamp, Unix ms
    header      BLOB NOT NULL,                                -- canonical row
    operational BLOB NOT NULL,                                -- canonical row
    personal    BLOB,                                         -- canonical row, encrypted, bound to origin and seq; NULL once gone
    salt_first  INTEGER,                                      -- log_salt.first, or NULL
    salt        BLOB,                                         -- single salt, encrypted, where salt_first is NULL and personal is held
    open        BLOB NOT NULL CHECK (length(open) = 32),
    closed      BLOB NOT NULL CHECK (length(closed) = 32),
    commitment  BLOB NOT NULL CHECK (length(commitment) = 32),
    mark        INTEGER NOT NULL DEFAULT 0,                   -- highest custody under a verified receipt: 0 none, 1 commune, 2 received, 3 safe
    safe_ms     INTEGER NOT NULL DEFAULT 0,                   -- issuer's time of the first safe receipt, Unix ms
    PRIMARY KEY (origin, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX log_change_record ON log_change (record);
