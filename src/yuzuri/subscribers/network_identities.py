"""By which names a network knows a line: its SUPI, and its phone number as a GPSI (TS 23.003)."""

import re

from psycopg.errors import UniqueViolation

from yuzuri.db import Connection
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.kernel.ids import HolderId, home_of

_SUPI = re.compile(r"imsi-[0-9]{5,15}")
_MSISDN = re.compile(r"msisdn-([0-9]{5,15})")

_ADD = "INSERT INTO network_identity (supi, home, line) VALUES (%s, %s, %s)"
_LINE_BY_SUPI = "SELECT line FROM network_identity WHERE supi = %s"
_LINE_BY_NUMBER = "SELECT line FROM phone_number WHERE number = %s"


def parse_supi(text: str) -> str:
    """Return a SUPI as it is kept, such as imsi-440101234567890; raises `SUPI_UNREADABLE`."""
    supi = text.strip()
    if not _SUPI.fullmatch(supi):
        raise DomainError(Code.SUPI_UNREADABLE, text=supi[:40])
    return supi


def number_of_gpsi(gpsi: str) -> str | None:
    """Return the number (E.164) that a GPSI such as msisdn-819012345678 names; None: no number."""
    match = _MSISDN.fullmatch(gpsi)
    return None if match is None else f"+{match[1]}"


async def add_identity(connection: Connection, supi: str, line: HolderId) -> None:
    """Let a SUPI lead to a line that exists; raises `SUPI_UNREADABLE`, `SUPI_TAKEN`."""
    known = parse_supi(supi)
    try:
        await connection.execute(_ADD, (known, home_of(line), line))
    except UniqueViolation as error:
        raise DomainError(Code.SUPI_TAKEN, supi=known) from error


async def find_line_of(
    connection: Connection, supi: str | None, gpsi: str | None
) -> HolderId | None:
    """Return the line that a network means, by its SUPI or else by its number; None: no such line.

    A SUPI that is known decides, whatever the number is.
    """
    line = None
    if supi is not None and _SUPI.fullmatch(supi):
        line = await _find(connection, _LINE_BY_SUPI, supi)
    if line is None and gpsi is not None and (number := number_of_gpsi(gpsi)) is not None:
        line = await _find(connection, _LINE_BY_NUMBER, number)
    return line


async def _find(connection: Connection, query: str, key: str) -> HolderId | None:
    row = await (await connection.execute(query, (key,), prepare=True)).fetchone()
    return None if row is None else HolderId(row[0])
