-- Allowances are immutable: what, where, when, from whom and on what terms.
CREATE TABLE allowance (
    home smallint NOT NULL,
    id uuid NOT NULL,
    unit text NOT NULL CHECK (unit IN ('data', 'voice', 'sms')),
    operator text NOT NULL,
    plan text NOT NULL,
    zone text NOT NULL,
    source text NOT NULL CHECK (source IN ('base', 'carried_over', 'bought', 'bonus')),
    paid boolean NOT NULL,
    issued_at timestamptz NOT NULL,
    expires_at timestamptz,
    purchase uuid NOT NULL,
    hours_since time,
    hours_until time,
    hours_timezone text,
    hops integer NOT NULL CHECK (hops >= 0),
    parent uuid,
    expiry_rule text,
    PRIMARY KEY (home, id),
    CHECK ((hops = 0) = (parent IS NULL)),
    CHECK (num_nulls(hours_since, hours_until, hours_timezone) IN (0, 3))
);

-- The row of a holder is the lock of all that it has; locks are taken in the order of (home, id).
CREATE TABLE holder (
    home smallint NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('line')),
    PRIMARY KEY (home, id)
);

CREATE TABLE bucket (
    home smallint NOT NULL,
    holder uuid NOT NULL,
    allowance uuid NOT NULL,
    balance bigint NOT NULL CHECK (balance >= 0),
    held bigint NOT NULL CHECK (held BETWEEN 0 AND balance),
    entries bigint NOT NULL,
    head bytea NOT NULL,
    PRIMARY KEY (home, holder, allowance)
) WITH (fillfactor = 80);

-- Two rows a transfer; append-only. The house's rows have number 0 and stand outside the chains.
CREATE TABLE entry (
    home smallint NOT NULL,
    holder uuid NOT NULL,
    transfer uuid NOT NULL,
    allowance uuid NOT NULL,
    amount bigint NOT NULL CHECK (amount <> 0),
    kind text NOT NULL CHECK (kind IN ('issue', 'gift', 'expire')),
    cause uuid NOT NULL,
    at timestamptz NOT NULL,
    number bigint NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (home, holder, transfer)
);

CREATE TABLE hold (
    home smallint NOT NULL,
    id uuid NOT NULL,
    holder uuid NOT NULL,
    allowance uuid NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    cause uuid NOT NULL,
    opened_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'captured', 'released', 'lapsed')),
    captured bigint NOT NULL CHECK (captured BETWEEN 0 AND amount),
    ended_at timestamptz,
    PRIMARY KEY (home, id),
    CHECK ((state = 'open') = (ended_at IS NULL)),
    CHECK ((state = 'captured') = (captured > 0))
);
CREATE INDEX hold_open_of_holder ON hold (home, holder) WHERE state = 'open';
CREATE INDEX hold_of_cause ON hold (home, cause);

GRANT SELECT, INSERT ON allowance, holder, entry TO yuzuri_serve;
GRANT UPDATE (kind) ON holder TO yuzuri_serve; -- what FOR NO KEY UPDATE, the lock, asks for
GRANT SELECT, INSERT, UPDATE ON bucket, hold TO yuzuri_serve;
