"""What a take of a posted link costs one by one: the same rows, under the row lock of the link.

pgbench does it in its C, with prepared statements. It asks no rule, hashes and chains nothing, and
reads neither the taker nor their line, all of which is to its advantage.
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
INSERT INTO peer.hold SELECT * FROM yuzuri.hold;
INSERT INTO peer.bucket SELECT * FROM yuzuri.bucket;
GRANT ALL ON ALL TABLES IN SCHEMA peer TO SESSION_USER;
"""

_TAKE_SCRIPT = f"""
BEGIN;
INSERT INTO peer.command (home, name, fingerprint, reply)
VALUES (0, gen_random_uuid(), 1, '\\x90') ON CONFLICT DO NOTHING;
SELECT taken, line FROM peer.link WHERE home = 0 AND id = '{{link}}' FOR UPDATE \\gset
UPDATE peer.link SET taken = taken + 1, taken_amount = taken_amount + {SHARE_LEAST}
WHERE home = 0 AND id = '{{link}}';
INSERT INTO peer.link_taker (home, link, person, wrong_passcodes, gift, number, taken_at)
VALUES (0, '{{link}}', gen_random_uuid(), 0, gen_random_uuid(), :taken, now());
UPDATE peer.hold SET amount = amount - {SHARE_LEAST} WHERE home = 0 AND cause = '{{link}}';
UPDATE peer.bucket SET balance = balance - {SHARE_LEAST}, held = held - {SHARE_LEAST}
WHERE home = 0 AND holder = :line AND held > 0;
INSERT INTO peer.bucket (home, holder, allowance, balance, held)
VALUES (0, gen_random_uuid(), '{{link}}', {SHARE_LEAST}, 0);
INSERT INTO peer.transfer
    (page, amount, checksum, allowance, source, target, cause, position, home, kind)
VALUES (1, {SHARE_LEAST}, 1, '{{link}}', :line, '{{house}}', '{{link}}', 1, 0, 'g'),
       (1, {SHARE_LEAST}, 1, '{{link}}', '{{house}}', gen_random_uuid(), '{{link}}', 2, 0, 'g');
INSERT INTO peer.gift
    (home, id, from_line, to_line, unit, amount, message, state, offered_at, deadline, ended_at,
     via, is_share, is_giver_hidden, is_receiver_hidden, thanks)
VALUES (0, gen_random_uuid(), :line, gen_random_uuid(), 'data', {SHARE_LEAST}, '', 'accepted',
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


async def take_one_by_one(conninfo: str, link: LinkId, clients: int, seconds: int) -> float:
    """Let so many connections take shares of the one link; takes per second."""
    script = _TAKE_SCRIPT.format(link=link, house=HOUSE[House.CONVERTED])
    return await run_own_script(conninfo, script, clients, seconds)
