-- A pool is a holder: its id is the holder's. It lives in its owner's home, and several lines of its
-- operator draw on what it has.
CREATE TABLE pool (
    home smallint NOT NULL,
    id uuid NOT NULL,
    owner uuid NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 40),
    operator text NOT NULL,
    opened_at timestamptz NOT NULL,
    closed_at timestamptz,
    PRIMARY KEY (home, id)
);
CREATE INDEX pool_of_owner ON pool (home, owner);

-- A line draws on at most one pool; the row lives in the line's home and goes when the line leaves.
-- Whoever adds or removes one has locked both homes. Caps are bytes, counted in the day and the month
-- that begin at `day` and `month` by the operator's clock.
CREATE TABLE pool_member (
    home smallint NOT NULL,
    line uuid NOT NULL,
    pool uuid NOT NULL,
    joined_at timestamptz NOT NULL,
    pool_first boolean NOT NULL,
    is_paused boolean NOT NULL,
    cap_per_day bigint CHECK (cap_per_day > 0),
    cap_per_month bigint CHECK (cap_per_month > 0),
    day timestamptz NOT NULL,
    taken_today bigint NOT NULL CHECK (taken_today >= 0),
    month timestamptz NOT NULL,
    taken_this_month bigint NOT NULL CHECK (taken_this_month >= 0),
    PRIMARY KEY (home, line)
) WITH (fillfactor = 60);
CREATE INDEX pool_member_of_pool ON pool_member (pool);

GRANT SELECT, INSERT ON pool TO yuzuri_serve;
GRANT SELECT, INSERT, UPDATE, DELETE ON pool_member TO yuzuri_serve;
