-- Whom records are about, at the centre, and which records say the same person.

-- Records whose persons have to be read again, in the order in which that was
-- noted: the 16 octets of each, one after the other.
CREATE TABLE person_queue (
  id      INTEGER PRIMARY KEY AUTOINCREMENT,
  records BLOB NOT NULL CHECK (length(records) % 16 = 0)
) STRICT;

-- What is compared of a record's person, encrypted, with the keyed hashes under
-- which it is found. The key of the hashes is in no table.
CREATE TABLE persons (
  record BLOB    NOT NULL PRIMARY KEY CHECK (length(record) = 16),
  unit   TEXT    NOT NULL,
  number BLOB    CHECK (length(number) = 16),  -- of the identity number, NULL for none
  phone  BLOB    CHECK (length(phone) = 16),   -- of the telephone number, NULL for none
  sealed BLOB    NOT NULL,
  fresh  INTEGER NOT NULL                      -- not compared with others yet
) STRICT;
CREATE INDEX persons_unit ON persons (unit);
CREATE INDEX persons_number ON persons (number) WHERE number IS NOT NULL;
CREATE INDEX persons_phone ON persons (phone) WHERE phone IS NOT NULL;
CREATE INDEX persons_fresh ON persons (unit) WHERE fresh <> 0;

-- Pairs of records that may say, or do say, the same person. They hold the
-- present state only; who decided what and when is in link_events.
CREATE TABLE pairs (
  a     BLOB    NOT NULL CHECK (length(a) = 16),
  b     BLOB    NOT NULL CHECK (length(b) = 16 AND a < b),
  state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 3),  -- suggested, linked, apart
  exact INTEGER NOT NULL,  -- the same identity number
  score INTEGER NOT NULL,  -- match weight in hundredths of a bit when it was found
  PRIMARY KEY (a, b)
) STRICT, WITHOUT ROWID;
CREATE INDEX pairs_b ON pairs (b);
CREATE INDEX pairs_state ON pairs (state, score);

-- What was decided of pairs. Append-only; it outlasts the pairs.
CREATE TABLE link_events (
  id     INTEGER PRIMARY KEY AUTOINCREMENT,
  at_ms  INTEGER NOT NULL,
  actor  TEXT    NOT NULL,
  act    TEXT    NOT NULL,
  reason TEXT    NOT NULL,
  a      BLOB    NOT NULL,
  b      BLOB    NOT NULL
) STRICT;
CREATE INDEX link_events_pair ON link_events (a, b);
