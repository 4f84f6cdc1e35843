-- Registers: lists of what others say was enrolled, and what records say of it.
-- Who a row is about lies encrypted; hashes are keyed, and no key is in a table.

-- Which column of a file says what, and which activities a register speaks of.
CREATE TABLE register_profiles (
  name     TEXT NOT NULL PRIMARY KEY,
  document BLOB NOT NULL  -- JSON
) STRICT, WITHOUT ROWID;

CREATE TABLE registers (
  id       BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
  name     TEXT    NOT NULL UNIQUE,
  document BLOB    NOT NULL,  -- JSON: profile, coverage, how long it is kept
  made_ms  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE register_imports (
  number   INTEGER PRIMARY KEY,  -- order of beginning
  id       BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
  register BLOB    NOT NULL REFERENCES registers (id),
  at_ms    INTEGER NOT NULL,
  actor    TEXT    NOT NULL,
  state    TEXT    NOT NULL,  -- running, done or undone
  document BLOB    NOT NULL   -- JSON: counts
) STRICT;
CREATE INDEX register_imports_register ON register_imports (register);

-- One row a person and service. Not WITHOUT ROWID: keys are hashes, and a bulk
-- of them would rewrite most pages.
CREATE TABLE register_rows (
  register BLOB    NOT NULL,
  key      BLOB    NOT NULL CHECK (length(key) = 16),  -- keyed hash of what names the row
  number   BLOB    CHECK (length(number) = 16),        -- keyed hash of the identity number, NULL for none
  unit     TEXT    NOT NULL,  -- list:code, '' if unknown
  commune  TEXT    NOT NULL,
  kind     TEXT    NOT NULL,  -- code of a kind, '' for any of the profile's
  day      TEXT    NOT NULL,  -- YYYY-MM-DD, '' if unknown
  done     INTEGER NOT NULL,  -- 0: the register says that it was not
  gone     INTEGER NOT NULL,  -- a later file does not list it any more
  import   BLOB    NOT NULL,  -- that wrote it last
  content  BLOB    NOT NULL CHECK (length(content) = 16),  -- keyed hash of all it says
  sealed   BLOB    NOT NULL,
  PRIMARY KEY (register, key)
) STRICT;
CREATE INDEX register_rows_number ON register_rows (number) WHERE number IS NOT NULL;
CREATE INDEX register_rows_commune ON register_rows (commune);
CREATE INDEX register_rows_import ON register_rows (import);

-- What a row was before an import changed it, to be put back.
CREATE TABLE register_past (
  register BLOB    NOT NULL,
  key      BLOB    NOT NULL,
  number   BLOB,
  unit     TEXT    NOT NULL,
  commune  TEXT    NOT NULL,
  kind     TEXT    NOT NULL,
  day      TEXT    NOT NULL,
  done     INTEGER NOT NULL,
  gone     INTEGER NOT NULL,
  import   BLOB    NOT NULL,
  content  BLOB    NOT NULL,
  sealed   BLOB    NOT NULL,
  until    BLOB    NOT NULL,  -- the import that changed it
  PRIMARY KEY (until, key)
) STRICT;
CREATE INDEX register_past_number ON register_past (number) WHERE number IS NOT NULL;
CREATE INDEX register_past_key ON register_past (register, key);

-- Whom no file brings back: keyed hashes of what was erased.
CREATE TABLE register_erased (
  hash BLOB NOT NULL PRIMARY KEY CHECK (length(hash) = 16)
) STRICT, WITHOUT ROWID;

-- What the registers say of activities that claim a result.
CREATE TABLE register_findings (
  register BLOB    NOT NULL,
  activity BLOB    NOT NULL CHECK (length(activity) = 16),
  verdict  INTEGER NOT NULL CHECK (verdict BETWEEN 1 AND 4),  -- confirmed, unconfirmed, contradicted, not covered
  row      BLOB,              -- key of the row that decided it, NULL for none
  unit     TEXT    NOT NULL,
  commune  TEXT    NOT NULL,
  team     BLOB,
  kind     TEXT    NOT NULL,
  occurred TEXT    NOT NULL,
  reasons  TEXT    NOT NULL,  -- fields that disagree, by commas
  exact    INTEGER NOT NULL,  -- found by the identity number
  score    INTEGER NOT NULL,  -- hundredths of a bit
  PRIMARY KEY (activity, register)
) STRICT, WITHOUT ROWID;
CREATE INDEX register_findings_list ON register_findings (register, verdict, activity);
CREATE INDEX register_findings_row ON register_findings (row) WHERE row IS NOT NULL;

-- What has to be compared again: the activities of a commune, or single ones.
CREATE TABLE register_queue (
  id      INTEGER PRIMARY KEY AUTOINCREMENT,
  commune TEXT NOT NULL,
  records BLOB NOT NULL CHECK (length(records) % 16 = 0)
) STRICT;
