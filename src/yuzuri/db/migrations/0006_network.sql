-- Who may call as a part of a network: an SMF, a PCF, a third party's program. `id` is its NF instance
-- id or client id, `services` what it may use, `notify_origins` where it may have itself told something.
CREATE TABLE network_function (
    id text PRIMARY KEY CHECK (id ~ '^[A-Za-z0-9._-]{1,64}$'),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    services text[] NOT NULL,
    notify_origins text[] NOT NULL,
    registered_at timestamptz NOT NULL
);

-- Who may sign the tokens of network functions, and with which key (RFC 7517, public part only). Our
-- own are those of the machines that run on this database.
CREATE TABLE token_issuer (
    issuer text PRIMARY KEY CHECK (length(issuer) BETWEEN 1 AND 255),
    public_key jsonb NOT NULL CHECK (NOT public_key ?| ARRAY['d', 'p', 'q', 'k']),
    is_own boolean NOT NULL,
    trusted_at timestamptz NOT NULL
);

-- A SUPI (3GPP TS 23.003) leads to one line, everywhere.
CREATE TABLE network_identity (
    supi text PRIMARY KEY CHECK (supi ~ '^imsi-[0-9]{5,15}$'),
    home smallint NOT NULL,
    line uuid NOT NULL
);

-- What is due is looked for several times a second.
CREATE INDEX reauthorization_due ON reauthorization (due_at);
CREATE INDEX counter_change_due ON counter_change (due_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON network_function, token_issuer TO yuzuri_serve;
GRANT SELECT, INSERT ON network_identity TO yuzuri_serve;
