-- Records with a contested field or retraction: few among millions, so intake pays
-- for one comparison a record.
CREATE INDEX records_conflict ON records (id) WHERE flags & 4 <> 0;

-- What people settled. The settling itself stands in the centre's own log; this is
-- how it is found and undone. It holds no value of any field.
CREATE TABLE settlements (
  id          BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),  -- ordered by time
  batch       BLOB    NOT NULL CHECK (length(batch) = 16),  -- settled alike, in one go
  record      BLOB    NOT NULL CHECK (length(record) = 16),
  unit        TEXT    NOT NULL,
  compartment INTEGER NOT NULL,
  field       INTEGER NOT NULL,  -- number of the field, 0 for the retraction
  name        TEXT    NOT NULL,  -- of the field
  changes     BLOB    NOT NULL,  -- of the own log, 40 octets each: origin, seq, open; empty until they are written
  how         TEXT    NOT NULL,
  actor       TEXT    NOT NULL,
  at_ms       INTEGER NOT NULL,
  undone_by   TEXT    NOT NULL,
  undone_ms   INTEGER NOT NULL   -- 0 for never
) STRICT, WITHOUT ROWID;
CREATE INDEX settlements_record ON settlements (record);
