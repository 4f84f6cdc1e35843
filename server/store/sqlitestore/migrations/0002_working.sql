-- What the records say, counted ahead in the transaction that writes them:
-- every row here can be made again from records, runs and segments.

-- What one team did in one place in one month.
CREATE TABLE tallies (
  month INTEGER NOT NULL,  -- 12*year + month - 1, Vietnam's time
  team  BLOB    NOT NULL CHECK (length(team) = 16),
  unit  TEXT    NOT NULL,
  data  BLOB    NOT NULL,
  PRIMARY KEY (month, team, unit)
) STRICT, WITHOUT ROWID;
CREATE INDEX tallies_team ON tallies (team);

-- Teams as lists need them, with the number of their members.
CREATE TABLE team_tallies (
  team     BLOB    NOT NULL PRIMARY KEY CHECK (length(team) = 16),
  unit     TEXT    NOT NULL,
  name     TEXT    NOT NULL,
  standing INTEGER NOT NULL,
  members  INTEGER NOT NULL,
  trained  INTEGER NOT NULL  -- attendances at classes
) STRICT, WITHOUT ROWID;

-- When the highest change of an origin arrived first.
CREATE TABLE arrivals (
  origin   BLOB    NOT NULL PRIMARY KEY,
  last     INTEGER NOT NULL,
  first_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
