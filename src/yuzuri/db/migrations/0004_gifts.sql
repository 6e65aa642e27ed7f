-- A gift from one line to another. What it holds stands in hold, by cause = gift. `via` is the posted
-- link (`is_share`) or the request that it came by, `authority` the delegation that it was offered on.
CREATE TABLE gift (
    home smallint NOT NULL,
    id uuid NOT NULL,
    from_line uuid NOT NULL,
    to_line uuid NOT NULL,
    unit text NOT NULL CHECK (unit IN ('data', 'voice', 'sms')),
    amount bigint NOT NULL CHECK (amount > 0),
    message text NOT NULL CHECK (length(message) <= 200),
    state text NOT NULL CHECK (state IN ('open', 'accepted', 'declined', 'cancelled', 'expired')),
    offered_at timestamptz NOT NULL,
    deadline timestamptz NOT NULL,
    ended_at timestamptz,
    via uuid,
    is_share boolean NOT NULL,
    authority uuid,
    is_giver_hidden boolean NOT NULL,
    is_receiver_hidden boolean NOT NULL,
    thanks text NOT NULL CHECK (length(thanks) <= 200),
    PRIMARY KEY (home, id),
    CHECK ((state = 'open') = (ended_at IS NULL)),
    CHECK (from_line <> to_line),
    CHECK (NOT is_share OR via IS NOT NULL AND state = 'accepted')
);
-- Shares of a link are found by the link: it may have a hundred thousand.
CREATE INDEX gift_of_giver ON gift (home, from_line, offered_at) WHERE NOT is_share;
CREATE INDEX gift_via ON gift (home, via, ended_at) WHERE via IS NOT NULL;
CREATE INDEX gift_open_of_giver ON gift (home, from_line) WHERE state = 'open';
CREATE INDEX gift_of_receiver ON gift (home, to_line, ended_at);
CREATE INDEX gift_open_until ON gift (home, deadline) WHERE state = 'open';
GRANT SELECT, INSERT, UPDATE ON gift TO yuzuri_serve;
