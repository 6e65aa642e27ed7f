-- What was asked and what was answered: one row for each (client, key), kept for ever (I4). `name` is
-- the first half of SHA-256 of both, `fingerprint` tells another request under the same name.
CREATE TABLE command (
    home smallint NOT NULL,
    name uuid NOT NULL,
    fingerprint bigint NOT NULL,
    reply bytea NOT NULL,
    PRIMARY KEY (home, name)
);
GRANT SELECT, INSERT ON command TO yuzuri_serve;
