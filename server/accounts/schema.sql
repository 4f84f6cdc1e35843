-- Accounts of one server. Nothing here lets anybody in by itself: passwords are
-- argon2id, tokens are SHA-256 of 256 random bits, second factors are encrypted
-- with a key outside this file. Times are Unix milliseconds by the server's clock.
CREATE TABLE accounts (
  id       BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
  name     TEXT    NOT NULL UNIQUE,
  role     TEXT    NOT NULL CHECK (role IN ('province', 'officer', 'auditor')),
  units    TEXT    NOT NULL,            -- separated by spaces
  password TEXT    NOT NULL,            -- PHC string; '' until its owner sets one
  factor   BLOB,                        -- encrypted; NULL for none
  pending  BLOB,                        -- encrypted; shown to its owner, not confirmed yet
  step     INTEGER NOT NULL DEFAULT 0,  -- last time step whose code was used: none is taken twice
  disabled INTEGER NOT NULL DEFAULT 0,
  made_ms  INTEGER NOT NULL
) STRICT;

CREATE TABLE recovery (
  account BLOB NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  hash    BLOB NOT NULL,                -- a used code is deleted
  PRIMARY KEY (account, hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
  hash    BLOB    NOT NULL PRIMARY KEY,
  account BLOB    NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  made_ms INTEGER NOT NULL,
  seen_ms INTEGER NOT NULL              -- at most a minute old
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_account ON sessions (account, made_ms);

-- Browsers in which an account has signed in before. Failures elsewhere do not
-- count against them.
CREATE TABLE browsers (
  hash    BLOB    NOT NULL PRIMARY KEY,
  account BLOB    NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  seen_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX browsers_account ON browsers (account, seen_ms);

CREATE TABLE links (
  hash    BLOB    NOT NULL PRIMARY KEY,
  account BLOB    REFERENCES accounts (id) ON DELETE CASCADE, -- NULL: its user makes the first account
  role    TEXT    NOT NULL,
  units   TEXT    NOT NULL,
  ends_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Leaky buckets of failures. The key is a keyed hash of an address, a name or a
-- browser.
CREATE TABLE failures (
  key   BLOB    NOT NULL PRIMARY KEY,
  level INTEGER NOT NULL,               -- thousandths of a failure
  at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Tokens of other programs. Revoked ones stay, so that it can be told whose they
-- were.
CREATE TABLE tokens (
  id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
  name       TEXT    NOT NULL,
  hash       BLOB    NOT NULL UNIQUE,
  units      TEXT    NOT NULL,          -- separated by spaces; '' for the whole server
  parts      TEXT    NOT NULL,          -- separated by spaces
  by_actor   TEXT    NOT NULL,
  made_ms    INTEGER NOT NULL,
  ends_ms    INTEGER NOT NULL,
  used_ms    INTEGER NOT NULL,          -- at most a minute old; 0 for never
  revoked_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
