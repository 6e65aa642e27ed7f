"""What a take of a posted link costs one by one: the same rows, under the row lock of the link.

pgbench does it in its C, with prepared statements. It reads what no take can do without (the link,
the taker's line, whether they have a share, how many they took in a day), and judges, hashes and
chains nothing, which is to its advantage.
"""

from psycopg import sql

from yuzuri.bench.pgbench import run_own_script
from yuzuri.bench.takers import SHARE_LEAST
from yuzuri.db.login import Login
from yuzuri.db.migrate import MIGRATING_ROLE
from yuzuri.kernel.ids import LinkId
from yuzuri.ledger.changes import HOUSE, House

LINK_PEER_CLIENTS = (1, 8, 32)

_TABLES = ("link", "link_taker", "gift", "bucket", "hold", "transfer", "command")

_MAKE_SCHEMA = sql.SQL(
    """
CREATE SCHEMA peer;
GRANT ALL ON SCHEMA peer TO {role};
GRANT ALL ON SCHEMA peer TO CURRENT_USER;
SET ROLE {role}
"""
).format(role=sql.Identifier(MIGRATING_ROLE))

_COPY = """
INSERT INTO peer.link SELECT * FROM yuzuri.link;
UPDATE peer.link SET shares = 100000;
CREATE TABLE peer.line AS
SELECT row_number() OVER () AS number, operator, plan, activated_at FROM yuzuri.line;
CREATE UNIQUE INDEX ON peer.line (number);
ANALYZE peer.line;
GRANT ALL ON ALL TABLES IN SCHEMA peer TO SESSION_USER;
"""

_TAKE_SCRIPT = f"""
\\set number random(1, {{lines}})
BEGIN;
INSERT INTO peer.command (home, name, fingerprint, reply)
VALUES (0, gen_random_uuid(), 1, '\\x90') ON CONFLICT DO NOTHING;
SELECT taken, line AS giver FROM peer.link WHERE home = 0 AND id = '{{link}}' FOR UPDATE \\gset
SELECT operator, plan, activated_at, gen_random_uuid() AS person, gen_random_uuid() AS to_line
FROM peer.line WHERE number = :number \\gset
SELECT gift FROM peer.link_taker WHERE home = 0 AND link = '{{link}}' AND person = :person;
SELECT count(*) FROM peer.link_taker
WHERE home = 0 AND person = :person AND gift IS NOT NULL
    AND taken_at > now() - interval '1 day';
UPDATE peer.link SET taken = taken + 1, taken_amount = taken_amount + {SHARE_LEAST}
WHERE home = 0 AND id = '{{link}}';
INSERT INTO peer.link_taker (home, link, person, wrong_passcodes, gift, number, taken_at)
VALUES (0, '{{link}}', :person, 0, gen_random_uuid(), :taken, now());
UPDATE peer.hold SET amount = amount - {SHARE_LEAST} WHERE home = 0 AND cause = '{{link}}';
UPDATE peer.bucket SET balance = balance - {SHARE_LEAST}, held = held - {SHARE_LEAST}
WHERE home = 0 AND holder = :giver AND held > 0;
INSERT INTO peer.bucket (home, holder, allowance, balance, held)
VALUES (0, :to_line, '{{link}}', {SHARE_LEAST}, 0);
INSERT INTO peer.transfer
    (page, amount, checksum, allowance, source, target, cause, position, home, kind)
VALUES (1, {SHARE_LEAST}, 1, '{{link}}', :giver, '{{house}}', '{{link}}', 1, 0, 'g'),
       (1, {SHARE_LEAST}, 1, '{{link}}', '{{house}}', :to_line, '{{link}}', 2, 0, 'g');
INSERT INTO peer.gift
    (home, id, from_line, to_line, unit, amount, message, state, offered_at, deadline, ended_at,
     via, is_share, is_giver_hidden, is_receiver_hidden, thanks)
VALUES (0, gen_random_uuid(), :giver, :to_line, 'data', {SHARE_LEAST}, '', 'accepted',
        now(), now(), now(), '{{link}}', true, false, false, '');
COMMIT;
"""


async def make_link_peer(owner: Login) -> None:
    """Give the peer tables like the product's, index by index, with the link that was posted."""
    async with await owner.connect() as connection:
        await connection.execute(_MAKE_SCHEMA)
        for table in _TABLES:
            like = sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)").format(
                sql.Identifier("peer", table), sql.Identifier("yuzuri", table)
            )
            await connection.execute(like)
        await connection.execute(_COPY)


async def take_one_by_one(
    conninfo: str, link: LinkId, lines: int, clients: int, seconds: int
) -> float:
    """Let so many connections take shares of the one link; takes per second."""
    script = _TAKE_SCRIPT.format(link=link, lines=lines, house=HOUSE[House.CONVERTED])
    return await run_own_script(conninfo, script, clients, seconds)
