CREATE TABLE person (
    id uuid PRIMARY KEY,
    nickname text NOT NULL CHECK (length(nickname) BETWEEN 1 AND 40),
    language text NOT NULL CHECK (language IN ('en', 'ja', 'zh')),
    joined_at timestamptz NOT NULL
);

-- A line is a holder: its id is the holder's. Operator and plan are keys of the profiles.
CREATE TABLE line (
    home smallint NOT NULL,
    id uuid NOT NULL,
    person uuid NOT NULL,
    operator text NOT NULL,
    plan text NOT NULL,
    number text NOT NULL,
    label text NOT NULL CHECK (length(label) BETWEEN 1 AND 40),
    account text,
    billing_group text,
    activated_at timestamptz NOT NULL,
    PRIMARY KEY (home, id)
);
CREATE INDEX line_of_person ON line (home, person);

-- A phone number leads to one line, everywhere.
CREATE TABLE phone_number (
    number text PRIMARY KEY,
    home smallint NOT NULL,
    line uuid NOT NULL
);

-- Numbers that a line has linked with its operator, where gifts go only to those.
CREATE TABLE linked_number (
    home smallint NOT NULL,
    line uuid NOT NULL,
    number text NOT NULL,
    PRIMARY KEY (home, line, number)
);

-- Secrets are kept as SHA-256 only. A sign-in code works once.
CREATE TABLE sign_in_code (
    hash bytea PRIMARY KEY,
    person uuid NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE TABLE session (
    hash bytea PRIMARY KEY,
    person uuid NOT NULL,
    expires_at timestamptz NOT NULL
);

GRANT SELECT, INSERT ON person, line, phone_number, linked_number TO yuzuri_serve;
GRANT SELECT, INSERT, DELETE ON sign_in_code, session TO yuzuri_serve;
