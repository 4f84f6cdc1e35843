-- Reorganisations of the units: what was planned, what each record was before,
-- and what a person placed where. What they do stands in the centre's own log;
-- this is how it is found and undone.
CREATE TABLE reorganisations (
  id          BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
  name        TEXT    NOT NULL,
  from_list   TEXT    NOT NULL,
  to_list     TEXT    NOT NULL,
  effective   TEXT    NOT NULL,  -- first day of the new units, YYYY-MM-DD
  state       TEXT    NOT NULL,
  planned_ms  INTEGER NOT NULL,
  applied_ms  INTEGER NOT NULL,  -- 0 for never
  reversed_ms INTEGER NOT NULL,
  document    BLOB    NOT NULL   -- the two tables, JSON
) STRICT, WITHOUT ROWID;

-- The fields that a reorganisation wrote into a record: their values before, and
-- the ones it wrote, as rows.
CREATE TABLE reorganised (
  reorganisation BLOB    NOT NULL REFERENCES reorganisations (id),
  record         BLOB    NOT NULL CHECK (length(record) = 16),
  was            BLOB    NOT NULL,
  was_void       INTEGER NOT NULL,
  made           INTEGER NOT NULL,  -- the reorganisation made the record
  wrote          BLOB    NOT NULL,
  PRIMARY KEY (reorganisation, record)
) STRICT, WITHOUT ROWID;

-- What was placed where, and by whom: a village by its key, a point by its origin.
CREATE TABLE placements (
  reorganisation BLOB    NOT NULL REFERENCES reorganisations (id),
  subject        TEXT    NOT NULL,
  from_unit      TEXT    NOT NULL,  -- the commune that was split
  to_unit        TEXT    NOT NULL,
  before         TEXT    NOT NULL,  -- units of a point before, one per line; '' for villages
  actor          TEXT    NOT NULL,
  at_ms          INTEGER NOT NULL,
  PRIMARY KEY (reorganisation, subject)
) STRICT, WITHOUT ROWID;
