-- A charging session is one use of the network by a line; it lives in the line's home.
CREATE TABLE charging_session (
    home smallint NOT NULL,
    id uuid NOT NULL,
    line uuid NOT NULL,
    operator text NOT NULL,
    network_function text NOT NULL,
    notify_uri text,
    country text NOT NULL,
    first_sequence bigint NOT NULL,
    opened_at timestamptz NOT NULL,
    ended_at timestamptz,
    PRIMARY KEY (home, id)
) WITH (fillfactor = 80);
-- By the line alone, which says its home: the planner must never mistake them for a way to find ids.
CREATE INDEX charging_session_of_line ON charging_session (line, opened_at);
CREATE INDEX charging_session_open ON charging_session (line) WHERE ended_at IS NULL;

-- What one rating group of a session was granted and has used. `id` is the cause of its holds and
-- transfers. granted = used + returned + what its holds set aside (I12).
CREATE TABLE charging_quota (
    home smallint NOT NULL,
    session uuid NOT NULL,
    rating_group bigint NOT NULL,
    id uuid NOT NULL,
    line uuid NOT NULL,
    unit text NOT NULL CHECK (unit IN ('data', 'voice', 'sms')),
    granted bigint NOT NULL,
    used bigint NOT NULL CHECK (used >= 0),
    returned bigint NOT NULL CHECK (returned >= 0),
    overrun bigint NOT NULL,
    unpaid bigint NOT NULL CHECK (unpaid BETWEEN 0 AND overrun),
    from_pool bigint NOT NULL CHECK (from_pool BETWEEN 0 AND granted - used - returned),
    pool uuid,
    sequence bigint NOT NULL,
    seen bigint NOT NULL,
    reported_at timestamptz NOT NULL,
    is_waiting boolean NOT NULL,
    PRIMARY KEY (home, session, rating_group)
) WITH (fillfactor = 60);
CREATE INDEX charging_quota_of_line ON charging_quota (line);
-- Whom something that arrives matters to at once.
CREATE INDEX charging_quota_waiting ON charging_quota (line) WHERE is_waiting;

-- How much of its own a line has used of a unit in the operator's present month, and which part of a
-- hundred (0, 80, 100) its counter has reached.
CREATE TABLE line_use (
    home smallint NOT NULL,
    line uuid NOT NULL,
    unit text NOT NULL CHECK (unit IN ('data', 'voice', 'sms')),
    cycle_start timestamptz NOT NULL,
    used bigint NOT NULL CHECK (used >= 0),
    reached smallint NOT NULL CHECK (reached IN (0, 80, 100)),
    PRIMARY KEY (home, line, unit)
) WITH (fillfactor = 60);

-- What a line's owner is told: once for each part of a hundred of each month.
CREATE TABLE use_notice (
    home smallint NOT NULL,
    line uuid NOT NULL,
    unit text NOT NULL CHECK (unit IN ('data', 'voice', 'sms')),
    cycle_start timestamptz NOT NULL,
    reached smallint NOT NULL CHECK (reached IN (80, 100)),
    at timestamptz NOT NULL,
    seen_at timestamptz,
    PRIMARY KEY (home, line, unit, cycle_start, reached)
);

-- Networks that have to be told something, written with the change that makes it true. A row goes when
-- the network has answered, or when there is nothing left to tell.
CREATE TABLE reauthorization (
    home smallint NOT NULL,
    session uuid NOT NULL,
    asked_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    PRIMARY KEY (home, session)
);
CREATE TABLE counter_change (
    home smallint NOT NULL,
    line uuid NOT NULL,
    asked_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    PRIMARY KEY (home, line)
);

GRANT SELECT, INSERT, UPDATE ON charging_session, charging_quota, line_use, use_notice
    TO yuzuri_serve;
GRANT SELECT, INSERT, UPDATE, DELETE ON reauthorization, counter_change TO yuzuri_serve;
