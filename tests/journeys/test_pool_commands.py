"""`yuzuri pools` as its people use it: opened, joined, filled, changed, left, and shown."""

from typer.testing import CliRunner, Result

from yuzuri.cli.commands import _app
from yuzuri.kernel.errors import Code, DomainError
from yuzuri.settings import Settings


class Desk:
    """The command line on one database."""

    def __init__(self, settings: Settings) -> None:
        assert settings.database_url is not None
        self._environment = {
            "YUZURI_DATABASE_URL": settings.database_url,
            "YUZURI_DATA": str(settings.data),
            "YUZURI_LANG": "en",
            "COLUMNS": "200",
        }

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(_app, arguments, env=self._environment)

    def told(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.exit_code == 0, (done.output, done.exception)
        return done.output.strip()


def test_a_pool_from_its_opening_to_a_member_who_leaves(settings: Settings) -> None:
    desk = Desk(settings)
    people = {name: desk.told("people", "add", name) for name in ("Mai", "Ken")}
    lines = {
        name: desk.told("lines", "add", person, "yuzuri-mobile/monthly", f"+81901234567{number}")
        for number, (name, person) in enumerate(people.items())
    }
    as_mai, as_ken = ("--as", people["Mai"]), ("--as", people["Ken"])
    pool = desk.told("pools", "open", "Family", *as_mai, "--line", lines["Mai"])
    capped = ("--per-day", "500MB", "--per-month", "2GB")
    assert desk.told("pools", "add", pool, lines["Ken"], *as_mai, *capped) == pool
    assert desk.told("pools", "fill", pool, lines["Mai"], "1.5GB", *as_mai) == pool
    assert desk.told("pools", "fill", pool, lines["Ken"], "10min", *as_ken) == pool

    shown = desk.told("pools", "show", *as_mai)
    assert "Family" in shown
    assert "1.5 GB and 10 min" in shown.replace(", and", " and")
    assert [line for line in shown.splitlines() if "Ken •••71" in line and "0 MB of 500 MB" in line]
    assert "0 MB of 2 GB" in shown
    assert "its own first" in shown

    changed = ("--per-month", "3GB", "--pool-first", "--paused")
    desk.told("pools", "change", pool, lines["Ken"], *as_mai, *changed)
    shown = desk.told("pools", "show", *as_ken, "--lang", "ja")
    assert "3GBのうち0MB" in shown.replace(" ", "")
    assert "一時停止中" in shown

    refused = desk.run("pools", "change", pool, lines["Ken"], *as_ken)
    assert refused.exit_code == 2
    assert "Only its owner decides" in refused.output
    desk.told("pools", "remove", pool, lines["Ken"], *as_ken)
    assert "Family" not in desk.told("pools", "show", *as_ken)
    assert "Ken" not in desk.told("pools", "show", *as_mai)


def test_a_cap_that_is_no_data_is_not_set(settings: Settings) -> None:
    unknown = "00000000-0000-7000-8000-000000000000"
    asked = ("pools", "add", unknown, unknown, "--as", unknown, "--per-day", "10min")
    error = Desk(settings).run(*asked).exception
    assert isinstance(error, DomainError)
    assert error.refusal.code is Code.UNIT_MISMATCH
