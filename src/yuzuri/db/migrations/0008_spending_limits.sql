-- Who is told when a counter of a line changes its status. It lives in the line's home. `told` has the
-- last status that was told of each of its counters; at `next_look_at` time alone may change one.
CREATE TABLE spending_limit_subscription (
    home smallint NOT NULL,
    id uuid NOT NULL,
    line uuid NOT NULL,
    network_function text NOT NULL,
    supi text,
    notify_uri text NOT NULL,
    notify_id text,
    counters text[] NOT NULL CHECK (cardinality(counters) > 0),
    told jsonb NOT NULL,
    expires_at timestamptz NOT NULL,
    next_look_at timestamptz NOT NULL,
    PRIMARY KEY (home, id)
);
CREATE INDEX spending_limit_subscription_of_line ON spending_limit_subscription (home, line);
CREATE INDEX spending_limit_subscription_look ON spending_limit_subscription (next_look_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON spending_limit_subscription TO yuzuri_serve;
