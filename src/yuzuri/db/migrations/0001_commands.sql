-- What was asked, by whom, and what was answered: one row for each (client, key), kept for ever (I4).
CREATE TABLE command (
    home smallint NOT NULL,
    client uuid NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    reply bytea NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (home, client, key)
);
GRANT SELECT, INSERT ON command TO yuzuri_serve;
