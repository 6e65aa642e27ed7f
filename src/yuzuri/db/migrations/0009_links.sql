-- An amount behind a posted link, in shares. What it holds stands in hold, by cause = link; a share that
-- was taken is a gift (gift.via). `seed` decides the sizes of the shares.
CREATE TABLE link (
    home smallint NOT NULL,
    id uuid NOT NULL,
    line uuid NOT NULL,
    unit text NOT NULL CHECK (unit IN ('data', 'voice', 'sms')),
    amount bigint NOT NULL CHECK (amount > 0),
    shares integer NOT NULL CHECK (shares BETWEEN 1 AND 100000),
    split text NOT NULL CHECK (split IN ('equal', 'random')),
    least bigint NOT NULL CHECK (least > 0),
    step bigint NOT NULL CHECK (step > 0),
    seed bytea NOT NULL CHECK (length(seed) = 32),
    audience text NOT NULL CHECK (audience IN ('anyone', 'operator', 'contacts', 'passcode')),
    passcode bytea,
    line_age_days_min integer NOT NULL CHECK (line_age_days_min >= 0),
    message text NOT NULL CHECK (length(message) <= 200),
    is_giver_hidden boolean NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'spent', 'revoked', 'expired')),
    posted_at timestamptz NOT NULL,
    deadline timestamptz NOT NULL,
    ended_at timestamptz,
    taken integer NOT NULL CHECK (taken BETWEEN 0 AND shares),
    taken_amount bigint NOT NULL CHECK (taken_amount BETWEEN 0 AND amount),
    PRIMARY KEY (home, id),
    CHECK ((audience = 'passcode') = (passcode IS NOT NULL)),
    CHECK ((state = 'open') = (ended_at IS NULL)),
    CHECK ((taken = shares) = (state = 'spent')),
    CHECK ((taken = shares) = (taken_amount = amount))
) WITH (fillfactor = 50);
CREATE INDEX link_of_line ON link (home, line, posted_at);
CREATE INDEX link_open_until ON link (home, deadline) WHERE state = 'open';

-- What one person has had of one link: wrong passcodes, then at most one share, the `number`th (from 0).
CREATE TABLE link_taker (
    home smallint NOT NULL,
    link uuid NOT NULL,
    person uuid NOT NULL,
    wrong_passcodes smallint NOT NULL CHECK (wrong_passcodes >= 0),
    gift uuid,
    number integer,
    taken_at timestamptz,
    PRIMARY KEY (home, link, person),
    CHECK (num_nulls(gift, number, taken_at) IN (0, 3))
);
CREATE INDEX link_taker_of_person ON link_taker (home, person, taken_at) WHERE gift IS NOT NULL;

-- So much asked for a line; what friends gave to it are gifts (gift.via).
CREATE TABLE gift_request (
    home smallint NOT NULL,
    id uuid NOT NULL,
    line uuid NOT NULL,
    unit text NOT NULL CHECK (unit IN ('data', 'voice', 'sms')),
    amount bigint NOT NULL CHECK (amount > 0),
    filled bigint NOT NULL CHECK (filled BETWEEN 0 AND amount),
    message text NOT NULL CHECK (length(message) <= 200),
    state text NOT NULL CHECK (state IN ('open', 'filled', 'closed')),
    asked_at timestamptz NOT NULL,
    deadline timestamptz NOT NULL,
    ended_at timestamptz,
    PRIMARY KEY (home, id),
    CHECK ((state = 'open') = (ended_at IS NULL)),
    CHECK ((filled = amount) = (state = 'filled'))
);
CREATE INDEX gift_request_of_line ON gift_request (home, line, asked_at);

GRANT SELECT, INSERT, UPDATE ON link, link_taker, gift_request TO yuzuri_serve;
