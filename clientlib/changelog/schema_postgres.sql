-- The change log of a replica's own origins, one row per change. The same
-- tables and invariants as for SQLite.

CREATE TABLE log_origin (
    no      BIGINT PRIMARY KEY,
    origin  BYTEA NOT NULL UNIQUE CHECK (length(origin) = 16),
    public  BYTEA NOT NULL CHECK (length(public) = 32),
    seed    BYTEA NOT NULL,
    made_ms BIGINT NOT NULL
);

CREATE TABLE log_salt (
    origin  BIGINT NOT NULL REFERENCES log_origin (no),
    first   BIGINT NOT NULL,
    secret  BYTEA NOT NULL,
    made_ms BIGINT NOT NULL,
    PRIMARY KEY (origin, first)
);

CREATE TABLE log_change (
    origin      BIGINT NOT NULL REFERENCES log_origin (no),
    seq         BIGINT NOT NULL CHECK (seq > 0),
    record      BYTEA NOT NULL CHECK (length(record) = 16),
    stamp_ms    BIGINT NOT NULL,
    header      BYTEA NOT NULL,
    operational BYTEA NOT NULL,
    personal    BYTEA,
    salt_first  BIGINT,
    salt        BYTEA,
    open        BYTEA NOT NULL CHECK (length(open) = 32),
    closed      BYTEA NOT NULL CHECK (length(closed) = 32),
    commitment  BYTEA NOT NULL CHECK (length(commitment) = 32),
    mark        BIGINT NOT NULL DEFAULT 0,
    safe_ms     BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (origin, seq)
);

CREATE INDEX log_change_record ON log_change (record);
