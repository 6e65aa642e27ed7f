-- A pool is a holder: its id is the holder's. It lives in the home of whoever opened it, and several
-- lines of its operator draw on what it has. `size` is what shares in percent are of, in bytes.
CREATE TABLE pool (
    home smallint NOT NULL,
    id uuid NOT NULL,
    owner uuid NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 40),
    operator text NOT NULL,
    opened_at timestamptz NOT NULL,
    closed_at timestamptz,
    successor uuid,
    members_fill boolean NOT NULL,
    month timestamptz NOT NULL,
    size bigint NOT NULL CHECK (size >= 0),
    PRIMARY KEY (home, id)
);
-- Whoever took one over may live elsewhere.
CREATE INDEX pool_of_owner ON pool (owner);
CREATE INDEX pool_of_successor ON pool (successor) WHERE successor IS NOT NULL;

-- A line draws on at most one thing beside its own: a pool, or, where a delegation says so, another
-- person's line. The row lives in the line's home and goes when the line leaves. Whoever adds or
-- removes one has locked both homes. Caps and shares are bytes, counted in the day and the month that
-- begin at `day` and `month` by the operator's clock, and since it joined.
CREATE TABLE pool_member (
    home smallint NOT NULL,
    line uuid NOT NULL,
    pool uuid NOT NULL,
    joined_at timestamptz NOT NULL,
    day timestamptz NOT NULL,
    month timestamptz NOT NULL,
    taken_today bigint NOT NULL CHECK (taken_today >= 0),
    taken_this_month bigint NOT NULL CHECK (taken_this_month >= 0),
    taken bigint NOT NULL CHECK (taken >= 0),
    cap_per_day bigint CHECK (cap_per_day > 0),
    cap_per_month bigint CHECK (cap_per_month > 0),
    share bigint CHECK (share > 0),
    share_percent smallint CHECK (share_percent BETWEEN 1 AND 100),
    pool_first boolean NOT NULL,
    is_paused boolean NOT NULL,
    is_slowed boolean NOT NULL,
    role text NOT NULL CHECK (role IN ('manager', 'member')),
    delegation uuid,
    since timestamptz,
    until timestamptz,
    PRIMARY KEY (home, line)
) WITH (fillfactor = 60);
CREATE INDEX pool_member_of_pool ON pool_member (pool);

-- An invitation lives in the home of its pool. `allotment` is how whoever joins by it will draw.
CREATE TABLE pool_invitation (
    home smallint NOT NULL,
    id uuid NOT NULL,
    pool uuid NOT NULL,
    by uuid NOT NULL,
    number text,
    uses_max smallint NOT NULL CHECK (uses_max > 0),
    uses smallint NOT NULL CHECK (uses BETWEEN 0 AND uses_max),
    allotment jsonb NOT NULL,
    role text NOT NULL CHECK (role IN ('manager', 'member')),
    invited_at timestamptz NOT NULL,
    until timestamptz NOT NULL,
    withdrawn_at timestamptz,
    PRIMARY KEY (home, id)
);
CREATE INDEX pool_invitation_of_pool ON pool_invitation (pool);
CREATE INDEX pool_invitation_of_number ON pool_invitation (number) WHERE number IS NOT NULL;

-- What a line has put into a pool of one allowance, as far as it remained when that was last worked
-- out. `is_owed`: the line draws on the pool no longer, and has still to get it back.
CREATE TABLE pool_contribution (
    home smallint NOT NULL,
    pool uuid NOT NULL,
    line uuid NOT NULL,
    allowance uuid NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    is_owed boolean NOT NULL,
    PRIMARY KEY (home, pool, line, allowance, is_owed)
) WITH (fillfactor = 80);
CREATE INDEX pool_contribution_owed ON pool_contribution (home, pool) WHERE is_owed;
CREATE INDEX pool_contribution_owed_to ON pool_contribution (line) WHERE is_owed;

GRANT SELECT, INSERT, UPDATE ON pool, pool_invitation TO yuzuri_serve;
GRANT SELECT, INSERT, UPDATE, DELETE ON pool_member, pool_contribution TO yuzuri_serve;
