"""pgbench is read as it prints, and told of a server without its password on a command line."""

import pytest

from yuzuri.bench import BenchFailed, pgbench
from yuzuri.bench.pgbench import libpq_environment, read_tps, timing_options

OUTPUT = """\
pgbench (18.6)
transaction type: <builtin: simple update>
scaling factor: 10
query mode: prepared
number of clients: 8
number of threads: 2
maximum number of tries: 1
duration: 3 s
number of transactions actually processed: 22845
number of failed transactions: {failed} ({share}%)
latency average = 1.053 ms
initial connection time = 14.142 ms
tps = 7598.561778 (without initial connection time)
"""


def test_the_transactions_per_second_are_read() -> None:
    assert read_tps(OUTPUT.format(failed=0, share="0.000")) == 7598.561778


@pytest.mark.parametrize(
    "output",
    ["", "pgbench (18.6)\nfatal: no luck\n", OUTPUT.format(failed=3, share="0.013")],
)
def test_a_run_that_failed_has_no_figure(output: str) -> None:
    with pytest.raises(BenchFailed):
        read_tps(output)


def test_a_password_goes_by_the_environment() -> None:
    conninfo = "host=/tmp/there port=5433 dbname=books user=me password='to p' connect_timeout=10"
    assert libpq_environment(conninfo) == {
        "PGHOST": "/tmp/there",
        "PGPORT": "5433",
        "PGDATABASE": "books",
        "PGUSER": "me",
        "PGPASSWORD": "to p",
        "PGCONNECT_TIMEOUT": "10",
    }


def test_every_yardstick_runs_with_prepared_statements() -> None:
    assert "--protocol=prepared" in timing_options(clients=8, seconds=1)


async def test_the_yardstick_is_the_last_run_with_the_number_of_clients_that_does_best(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tps = iter((500, 3_000, 2_500, 900, 7_000, 6_000, 6_500))
    asked: list[str] = []

    async def run(_: str, *options: str) -> str:
        asked.append(next(option for option in options if option.startswith("--client=")))
        return OUTPUT.format(failed=0, share="0.000").replace("7598.561778", str(next(tps)))

    monkeypatch.setattr(pgbench, "run_pgbench", run)
    peer = pgbench.Pgbench("")
    await peer.measure_all(1)
    assert peer.last("tpcb-like").name == "pgbench tpcb-like, 8 clients"
    assert peer.last("simple-update").per_s == 7_000
    await peer.measure_best("simple-update", 1)
    assert asked[-1] == "--client=8"
    assert peer.last("simple-update").per_s == 6_500
    assert peer.best["simple-update"] == {"1": 900, "8": 7_000, "32": 6_000}
