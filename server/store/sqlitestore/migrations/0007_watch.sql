-- Findings of reconciliation about devices and teams: since when each stands, and
-- what a person said of it. What is found is worked out from the other tables.
CREATE TABLE findings (
  key          TEXT    NOT NULL PRIMARY KEY,
  kind         TEXT    NOT NULL,
  since_ms     INTEGER NOT NULL,  -- when it was found first, this server's clock
  dismissed_ms INTEGER NOT NULL,  -- 0 for never
  actor        TEXT    NOT NULL,
  reason       TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- Questions about records that look as if nobody could have made them. Nothing in
-- them is personal.
CREATE TABLE questions (
  key         TEXT    NOT NULL PRIMARY KEY,
  kind        TEXT    NOT NULL,
  team        BLOB    NOT NULL CHECK (length(team) = 16),
  unit        TEXT    NOT NULL,
  found_ms    INTEGER NOT NULL,
  state       TEXT    NOT NULL,  -- open, explained, still-open
  actor       TEXT    NOT NULL,
  answered_ms INTEGER NOT NULL,  -- 0 for never
  reason      TEXT    NOT NULL,
  detail      BLOB    NOT NULL   -- JSON
) STRICT, WITHOUT ROWID;
CREATE INDEX questions_team ON questions (team);

-- Records that were written again after they had come in, each at its last
-- writing. With the order in which records came in, this is what other systems
-- follow. AUTOINCREMENT, because cursors count positions.
CREATE TABLE rewritten (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  record   BLOB    NOT NULL UNIQUE CHECK (length(record) = 16)
) STRICT;

-- How far the two orders went when each history began.
CREATE TABLE histories (
  number   INTEGER PRIMARY KEY,
  epoch    BLOB    NOT NULL UNIQUE,
  came     INTEGER NOT NULL,
  rewrote  INTEGER NOT NULL
) STRICT;

-- Who is told by webhook, and what is still to be told.
CREATE TABLE webhooks (
  id       BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
  name     TEXT    NOT NULL,
  url      TEXT    NOT NULL,
  secret   BLOB    NOT NULL,  -- encrypted
  events   TEXT    NOT NULL,  -- names, one per line
  made_ms  INTEGER NOT NULL,
  paused   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE deliveries (
  id       BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
  webhook  BLOB    NOT NULL REFERENCES webhooks (id),
  event    TEXT    NOT NULL,
  state    TEXT    NOT NULL,  -- waiting, done, dead
  made_ms  INTEGER NOT NULL,
  next_ms  INTEGER NOT NULL,  -- when it is tried again
  attempts INTEGER NOT NULL,
  answer   TEXT    NOT NULL,  -- of the last attempt
  body     BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_due ON deliveries (next_ms) WHERE state = 'waiting';
CREATE INDEX deliveries_webhook ON deliveries (webhook, made_ms);
