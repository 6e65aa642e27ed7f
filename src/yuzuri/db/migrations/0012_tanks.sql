-- A tank is a holder: its id is the holder's. All tanks live in the first home, so that its lock tells
-- whether an operator has one open already. From `until` on it is closed.
CREATE TABLE tank (
    home smallint NOT NULL,
    id uuid NOT NULL,
    operator text NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 40),
    area text,
    opened_at timestamptz NOT NULL,
    until timestamptz CHECK (until >= opened_at),
    PRIMARY KEY (home, id),
    CHECK (home = 0)
);

-- What a line has given to a tank and drawn from it, in bytes; the row lives in the line's home.
-- `draws` and `drawn_this_month` count in the month that begins at `month` by the operator's clock.
CREATE TABLE tank_account (
    home smallint NOT NULL,
    line uuid NOT NULL,
    tank uuid NOT NULL,
    month timestamptz NOT NULL,
    draws integer NOT NULL CHECK (draws >= 0),
    drawn_this_month bigint NOT NULL CHECK (drawn_this_month >= 0),
    given bigint NOT NULL CHECK (given >= 0),
    drawn bigint NOT NULL CHECK (drawn >= drawn_this_month),
    PRIMARY KEY (home, line, tank)
) WITH (fillfactor = 60);

-- Where a line is (ISO 3166-2), as its operator has recorded it.
CREATE TABLE line_area (
    home smallint NOT NULL,
    line uuid NOT NULL,
    area text NOT NULL,
    PRIMARY KEY (home, line)
);

GRANT SELECT, INSERT, UPDATE ON tank, tank_account TO yuzuri_serve;
GRANT SELECT, INSERT, UPDATE, DELETE ON line_area TO yuzuri_serve;
