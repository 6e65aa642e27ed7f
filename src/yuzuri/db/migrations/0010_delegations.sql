-- A delegation lives in the home of the line that it is about. What may be done stands in `scopes`.
-- Data that `used_line` has taken is counted by charging, in `used`, in bytes.
CREATE TABLE delegation (
    home smallint NOT NULL,
    id uuid NOT NULL,
    owner uuid NOT NULL,
    line uuid NOT NULL,
    delegate uuid,
    scopes jsonb NOT NULL,
    since timestamptz NOT NULL,
    until timestamptz NOT NULL,
    terms text NOT NULL,
    state text NOT NULL CHECK (state IN ('offered', 'active', 'declined', 'ended')),
    offered_at timestamptz NOT NULL,
    answered_at timestamptz,
    ended_at timestamptz,
    used_line uuid,
    used bigint NOT NULL DEFAULT 0 CHECK (used >= 0),
    first_used_at timestamptz,
    last_used_at timestamptz,
    first_use_seen_at timestamptz,
    PRIMARY KEY (home, id),
    CHECK (since < until),
    CHECK (delegate <> owner),
    CHECK ((state = 'ended') = (ended_at IS NOT NULL))
);
CREATE INDEX delegation_of_owner ON delegation (home, owner, offered_at);
-- A delegate may live in any home.
CREATE INDEX delegation_to ON delegation (delegate);
CREATE INDEX delegation_due ON delegation (home, until) WHERE state IN ('offered', 'active');

-- What each side has agreed to, word for word; never changed.
CREATE TABLE delegation_agreement (
    home smallint NOT NULL,
    id uuid NOT NULL,
    delegation uuid NOT NULL,
    person uuid NOT NULL,
    version text NOT NULL,
    language text NOT NULL CHECK (language IN ('en', 'ja', 'zh')),
    text text NOT NULL,
    text_hash bytea NOT NULL CHECK (text_hash = sha256(convert_to(text, 'UTF8'))),
    agreed_at timestamptz NOT NULL,
    PRIMARY KEY (home, id)
);
CREATE INDEX delegation_agreement_of_person ON delegation_agreement (person);
CREATE INDEX delegation_agreement_to ON delegation_agreement (home, delegation);

-- What a delegate has done, written with what it has changed; never changed.
CREATE TABLE delegation_action (
    home smallint NOT NULL,
    id uuid NOT NULL,
    delegation uuid NOT NULL,
    person uuid NOT NULL,
    what text NOT NULL
        CHECK (what IN ('give', 'cancel', 'invite', 'withdraw', 'change', 'remove')),
    at timestamptz NOT NULL,
    unit text CHECK (unit IN ('data', 'voice', 'sms')),
    amount bigint CHECK (amount > 0),
    gift uuid,
    pool uuid,
    line uuid,
    invitation uuid,
    PRIMARY KEY (home, id)
);
CREATE INDEX delegation_action_on ON delegation_action (home, delegation, at);

CREATE INDEX gift_on_authority ON gift (home, authority) WHERE authority IS NOT NULL;

GRANT SELECT, INSERT, UPDATE ON delegation TO yuzuri_serve;
GRANT SELECT, INSERT ON delegation_agreement, delegation_action TO yuzuri_serve;
