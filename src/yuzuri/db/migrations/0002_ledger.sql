-- A home's row is the lock of all that its holders have: groups of one home follow one another. It
-- counts the groups that changed something of its books, and carries the number and the digest of the
-- last page of its journal.
CREATE TABLE home (
    home smallint PRIMARY KEY CHECK (home BETWEEN 0 AND 1023),
    groups bigint NOT NULL DEFAULT 0,
    page bigint NOT NULL DEFAULT 0,
    digest bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex')
) WITH (fillfactor = 10);
INSERT INTO home (home) VALUES (0);

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

-- How much of one allowance one holder has. No index has balance or held in it, so that an update
-- stays on its page; `expires_at` is the allowance's. What is empty and over is removed.
CREATE TABLE bucket (
    home smallint NOT NULL,
    holder uuid NOT NULL,
    allowance uuid NOT NULL,
    balance bigint NOT NULL CHECK (balance >= 0),
    held bigint NOT NULL CHECK (held BETWEEN 0 AND balance),
    expires_at timestamptz,
    PRIMARY KEY (home, holder, allowance)
) WITH (fillfactor = 80);
-- Partial, so that the planner never mistakes it for a way to find a holder's buckets.
CREATE INDEX bucket_until ON bucket (home, expires_at, holder) WHERE expires_at IS NOT NULL;

-- A page of the journal is what one group has moved. Its root is that of the Merkle tree over its
-- transfers, and its digest chains it to the page before.
CREATE TABLE journal_page (
    home smallint NOT NULL,
    number bigint NOT NULL,
    at timestamptz NOT NULL,
    transfers integer NOT NULL CHECK (transfers > 0),
    root bytea NOT NULL,
    digest bytea NOT NULL,
    PRIMARY KEY (home, number)
);

-- Append-only, widest columns first: with its indexes a transfer takes the room that these order.
-- The checksum names a row that was changed behind the journal; the page proves it.
CREATE TABLE transfer (
    page bigint NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    checksum bigint NOT NULL,
    allowance uuid NOT NULL,
    source uuid NOT NULL,
    target uuid NOT NULL CHECK (target <> source),
    cause uuid NOT NULL,
    position integer NOT NULL,
    home smallint NOT NULL,
    kind "char" NOT NULL CHECK (kind IN ('i', 'g', 'm', 'u', 't', 'e'))
);
-- A holder's id says its home; of the house's accounts nobody asks for all there is.
CREATE INDEX transfer_of_source ON transfer (source, page);
CREATE INDEX transfer_of_target ON transfer (target, page);
CREATE INDEX transfer_of_page ON transfer USING brin (page) WITH (pages_per_range = 16);

-- The two entries of each transfer.
CREATE VIEW entry AS
SELECT home, page, position, source AS holder, allowance, -amount AS amount, kind, cause
FROM transfer
UNION ALL
SELECT home, page, position, target, allowance, amount, kind, cause
FROM transfer;

-- What is set aside of a bucket. A hold that was captured or released is gone; one that ran out
-- stays, with the moment at which that was written down.
CREATE TABLE hold (
    home smallint NOT NULL,
    holder uuid NOT NULL,
    id uuid NOT NULL,
    allowance uuid NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    cause uuid NOT NULL,
    expires_at timestamptz NOT NULL,
    lapsed_at timestamptz,
    PRIMARY KEY (home, holder, id)
) WITH (fillfactor = 80);

-- What has left a home for another and is not known to have arrived; any worker finishes it.
CREATE TABLE in_transit (
    home smallint NOT NULL,
    id uuid NOT NULL,
    target uuid NOT NULL,
    allowance uuid NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    left_at timestamptz NOT NULL,
    deadline timestamptz NOT NULL,
    PRIMARY KEY (home, id)
);

GRANT SELECT, INSERT ON allowance, journal_page, transfer TO yuzuri_serve;
GRANT SELECT ON entry TO yuzuri_serve;
GRANT SELECT, UPDATE ON home TO yuzuri_serve;
GRANT SELECT, INSERT, UPDATE, DELETE ON bucket, hold TO yuzuri_serve;
GRANT SELECT, INSERT, DELETE ON in_transit TO yuzuri_serve;
