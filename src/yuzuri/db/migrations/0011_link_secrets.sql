-- A secret behind an address leads to what it opens, everywhere; kept as SHA-256 only.
CREATE TABLE link_secret (
    hash bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
    kind text NOT NULL CHECK (kind IN ('link', 'request', 'invitation', 'delegation')),
    home smallint NOT NULL,
    target uuid NOT NULL,
    made_at timestamptz NOT NULL
);
CREATE INDEX link_secret_of_target ON link_secret (home, target, made_at);

-- How often somebody has failed since their count began; it is forgotten at `until`. Who or where is
-- named by a digest under the key of this database, so that no address can be read from a row.
CREATE TABLE failed_try (
    subject bytea PRIMARY KEY CHECK (octet_length(subject) = 32),
    failures integer NOT NULL CHECK (failures > 0),
    until timestamptz NOT NULL
);
CREATE INDEX failed_try_until ON failed_try (until);
CREATE TABLE throttle_key (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    key bytea NOT NULL
);
INSERT INTO throttle_key (key)
VALUES (sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')));

-- A person's own list of numbers, whether anybody has them or not.
CREATE TABLE contact (
    home smallint NOT NULL,
    person uuid NOT NULL,
    number text NOT NULL,
    label text NOT NULL CHECK (length(label) <= 40),
    added_at timestamptz NOT NULL,
    PRIMARY KEY (home, person, number)
);

GRANT SELECT, INSERT, DELETE ON link_secret TO yuzuri_serve;
GRANT SELECT, INSERT, UPDATE, DELETE ON failed_try, contact TO yuzuri_serve;
GRANT SELECT ON throttle_key TO yuzuri_serve;
