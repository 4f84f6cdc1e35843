-- Everything a point or centre keeps. Times are Unix milliseconds, UTC. Ids are
-- the 16 octets of a UUID, hashes 32 octets. Numbered migrations are never
-- edited after release; PRAGMA user_version counts them.

-- Who writes changes, and how each was last heard of.
CREATE TABLE origins (
  id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
  key             BLOB    NOT NULL CHECK (length(key) = 32),
  credentials     TEXT    NOT NULL,  -- JWTs up to the centre, own first, one per line
  role            TEXT    NOT NULL,
  units           TEXT    NOT NULL,  -- scope as list:code, one per line
  team            BLOB,
  commune         TEXT    NOT NULL,  -- feed of its first unit, '' if unknown
  label           TEXT    NOT NULL,
  since_ms        INTEGER NOT NULL,  -- issuer's clock
  listed          INTEGER NOT NULL,  -- counts at the centre
  last_contact_ms INTEGER NOT NULL DEFAULT 0,
  last_via        BLOB,              -- point that told of it, NULL if it was here
  clock_offset_ms INTEGER NOT NULL DEFAULT 0,
  waiting         INTEGER NOT NULL DEFAULT 0,
  receipts_read   INTEGER NOT NULL DEFAULT 0,
  repeats         INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX origins_commune ON origins (commune);
CREATE INDEX origins_team ON origins (team) WHERE team IS NOT NULL;

-- Devices that points took in, as the points' own logs say.
CREATE TABLE issued (
  issuer      BLOB    NOT NULL,
  device      BLOB    NOT NULL,
  seq         INTEGER NOT NULL,  -- in the issuer's log
  earliest_ms INTEGER NOT NULL,
  state       INTEGER NOT NULL CHECK (state BETWEEN 0 AND 2),  -- heard, counted, surplus
  PRIMARY KEY (issuer, device)
) STRICT, WITHOUT ROWID;
CREATE INDEX issued_device ON issued (device);

-- Runs of changes that are held and linked by their hashes. Runs of one branch
-- neither overlap nor touch. Every change of a run has a line in outcomes.
CREATE TABLE runs (
  origin        BLOB    NOT NULL REFERENCES origins (id),
  branch        INTEGER NOT NULL,
  first         INTEGER NOT NULL CHECK (first > 0),
  last          INTEGER NOT NULL CHECK (last >= first),
  before_open   BLOB    NOT NULL,
  before_closed BLOB    NOT NULL,
  open          BLOB    NOT NULL,  -- o(last)
  closed        BLOB    NOT NULL,  -- p(last)
  parent        INTEGER NOT NULL,
  after         INTEGER NOT NULL,
  linked        INTEGER NOT NULL,
  beacon_ms     INTEGER NOT NULL,
  PRIMARY KEY (origin, branch, first)
) STRICT, WITHOUT ROWID;

-- The log. Append-only but for this: sealed bytes go when they were opened (at
-- the centre) or are safe (at a point), and salts go with an erasure. Statement,
-- open part and commits stay, so both chains verify for ever.
CREATE TABLE segments (
  id            INTEGER PRIMARY KEY,  -- order of arrival
  origin        BLOB    NOT NULL REFERENCES origins (id),
  branch        INTEGER NOT NULL,     -- of the last change
  first         INTEGER NOT NULL,
  last          INTEGER NOT NULL CHECK (last >= first AND last - first < 1000),
  before_open   BLOB    NOT NULL,
  before_closed BLOB    NOT NULL,
  after_open    BLOB    NOT NULL,
  after_closed  BLOB    NOT NULL,
  arrived_ms    INTEGER NOT NULL,
  via           BLOB    NOT NULL,
  sealed        INTEGER NOT NULL,
  readable      INTEGER NOT NULL,
  commits       BLOB,
  salts         BLOB,
  data          BLOB    NOT NULL
) STRICT;
CREATE INDEX segments_place ON segments (origin, first, last);

-- The ledger: what became of every change. Lines of one branch do not overlap
-- and together cover exactly its runs.
CREATE TABLE outcomes (
  origin  BLOB    NOT NULL REFERENCES origins (id),
  branch  INTEGER NOT NULL,
  first   INTEGER NOT NULL,
  last    INTEGER NOT NULL CHECK (last >= first),
  outcome INTEGER NOT NULL,
  reason  TEXT    NOT NULL,
  needs   TEXT    NOT NULL,  -- what would cure it, '' for nothing
  PRIMARY KEY (origin, branch, first)
) STRICT, WITHOUT ROWID;
CREATE INDEX outcomes_needs ON outcomes (needs) WHERE needs <> '';

-- Merged records with all their changes, in order of arrival: a phone that was
-- away for months brings ids from all over the past, and among rows in order of
-- their ids it would rewrite most pages of the table.
CREATE TABLE records (
  id          BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
  collection  INTEGER NOT NULL,
  unit        TEXT    NOT NULL,
  kind        TEXT    NOT NULL,
  team        BLOB,
  occurred    TEXT    NOT NULL,
  result      TEXT    NOT NULL,
  author      BLOB,
  origin      BLOB,               -- of the creating change, NULL until it is here
  stamp_ms    INTEGER NOT NULL,
  earliest_ms INTEGER NOT NULL,
  latest_ms   INTEGER NOT NULL,
  flags       INTEGER NOT NULL,   -- 1 exists, 2 void, 4 conflict, 8 erased
  changes     INTEGER NOT NULL,
  operational BLOB,
  history     BLOB    NOT NULL    -- personal rows in it are encrypted
) STRICT;
CREATE INDEX records_unit ON records (unit, collection);
-- Small collections are listed often; activities are too many to index twice.
CREATE INDEX records_reference ON records (collection) WHERE collection <> 7;

-- Signed decisions of the centre. Numbers rise by one.
CREATE TABLE rulings (
  number        INTEGER NOT NULL PRIMARY KEY,
  kind          INTEGER NOT NULL,
  target_origin BLOB    NOT NULL,
  target_seq    INTEGER NOT NULL,
  target_open   BLOB    NOT NULL,
  record        BLOB    NOT NULL,
  data          BLOB    NOT NULL
) STRICT;
CREATE INDEX rulings_target ON rulings (target_origin, target_seq);

-- What goes down. Positions of a feed run 1..position without gaps, and pages
-- cover 1..cut without gaps; a page never changes.
CREATE TABLE feeds (
  feed     TEXT    NOT NULL PRIMARY KEY,
  epoch    BLOB    NOT NULL,
  position INTEGER NOT NULL,
  cut      INTEGER NOT NULL CHECK (cut <= position),
  page     BLOB    NOT NULL,
  key      INTEGER NOT NULL  -- lowest number of the centre's key that may sign the next page
) STRICT, WITHOUT ROWID;
CREATE TABLE entries (
  feed     TEXT    NOT NULL REFERENCES feeds (feed),
  position INTEGER NOT NULL,
  data     BLOB    NOT NULL,
  PRIMARY KEY (feed, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE pages (
  feed       TEXT    NOT NULL REFERENCES feeds (feed),
  to_entry   INTEGER NOT NULL,
  from_entry INTEGER NOT NULL CHECK (from_entry < to_entry),
  hash       BLOB    NOT NULL,
  data       BLOB    NOT NULL,
  PRIMARY KEY (feed, to_entry)
) STRICT;

-- Receipts to be passed on. AUTOINCREMENT, because a position must never be
-- given twice: checkpoints count it.
CREATE TABLE receipts (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  origin   BLOB    NOT NULL,
  branch   INTEGER NOT NULL,
  first    INTEGER NOT NULL,
  mark     INTEGER NOT NULL,
  issuer   BLOB    NOT NULL,
  last     INTEGER NOT NULL,
  data     BLOB    NOT NULL,
  UNIQUE (origin, branch, first, mark, issuer)
) STRICT;

-- Receipts of points, kept as witnesses of when changes reached the commune.
CREATE TABLE witnesses (
  origin    BLOB    NOT NULL,
  last      INTEGER NOT NULL,
  first     INTEGER NOT NULL,
  issuer    BLOB    NOT NULL,
  issued_ms INTEGER NOT NULL,  -- issuer's clock
  data      BLOB    NOT NULL,
  PRIMARY KEY (origin, last, first, issuer)
) STRICT, WITHOUT ROWID;

-- Joining codes, by the hash of the code.
CREATE TABLE codes (
  hash       BLOB    NOT NULL PRIMARY KEY,
  role       TEXT    NOT NULL,
  unit       TEXT    NOT NULL,
  team       BLOB,
  members    BLOB,
  label      TEXT    NOT NULL,
  boot       BLOB    NOT NULL,
  expires_ms INTEGER NOT NULL,  -- clock of that boot
  attempts   INTEGER NOT NULL,
  spent      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE meta (
  key   TEXT NOT NULL PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE counters (
  name  TEXT    NOT NULL PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
