"""How ids go to the database and come back: `uuid` there, `Id` here."""

from typing import Any

import psycopg
from psycopg.adapt import Buffer, Dumper, Loader
from psycopg.pq import Format

from yuzuri.kernel.ids import Id


class _IdDumper(Dumper):
    format = Format.BINARY
    oid = psycopg.adapters.types["uuid"].oid

    def dump(self, obj: Any) -> Buffer | None:
        return bytes(obj)


class _IdTextDumper(Dumper):
    oid = psycopg.adapters.types["uuid"].oid

    def dump(self, obj: Any) -> Buffer | None:
        return bytes(obj).hex().encode()


class _IdLoader(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> Id:
        return Id(data)


class _IdTextLoader(Loader):
    def load(self, data: Buffer) -> Id:
        return Id(bytes.fromhex(bytes(data).replace(b"-", b"").decode()))


def register_ids() -> None:
    """Let every connection made from now on read and write ids as `uuid`."""
    for dumper in (_IdTextDumper, _IdDumper):
        psycopg.adapters.register_dumper(Id, dumper)
    for loader in (_IdTextLoader, _IdLoader):
        psycopg.adapters.register_loader("uuid", loader)
