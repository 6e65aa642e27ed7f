"""`yuzuri pools` as its people use it, from opening a pool to handing it over or closing it."""

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


def test_a_pool_from_its_opening_to_its_closing(settings: Settings) -> None:
    desk = Desk(settings)
    people = {name: desk.told("people", "add", name) for name in ("Mai", "Ken")}
    lines = {
        name: desk.told("lines", "add", person, "yuzuri-mobile/monthly", f"+81901234567{number}")
        for number, (name, person) in enumerate(people.items())
    }
    as_mai, as_ken = ("--as", people["Mai"]), ("--as", people["Ken"])
    opening = ("pools", "open", "Family", *as_mai, "--line", lines["Mai"], "--key", "once")
    pool = desk.told(*opening)
    assert desk.told(*opening) == pool

    limits = ("--per-day", "500MB", "--per-month", "2GB", "--share", "9GB", "--percent", "20")
    to_ken = ("--number", "+819012345671")
    invitation = desk.told("pools", "invite", pool, *as_mai, *to_ken, *limits)
    asked = desk.told("pools", "invitations", *as_ken)
    assert "Mai" in asked
    assert "At most 500 MB a day" in asked
    assert "20% of the pool" in asked
    assert "What you put in stays yours" in asked
    assert desk.told("pools", "join", invitation, lines["Ken"], *as_ken) == pool
    assert "Family" not in desk.told("pools", "invitations", *as_ken)
    assert desk.told("pools", "fill", pool, lines["Mai"], "1.5GB", *as_mai) == pool
    assert desk.told("pools", "fill", pool, lines["Ken"], "10min", *as_ken) == pool

    shown = desk.told("pools", "show", *as_mai)
    assert "1.5 GB and 10 min" in shown.replace(", and", " and")
    of_ken = [line for line in shown.splitlines() if "Ken •••71" in line]
    assert "0 MB of 500 MB" in of_ken[0]
    assert "0 MB of 300 MB" in of_ken[0], "20 % of 1.5 GB is less than 2 GB"
    assert "0 MB of 9 GB" in of_ken[0]
    assert "10 min" in of_ken[1], "what would go back"
    assert "1.5 GB" not in desk.told("pools", "show", *as_ken).split("Would go back")[1]

    changed = ("--per-month", "3GB", "--pool-first", "--paused")
    desk.told("pools", "change", pool, lines["Ken"], *as_mai, *changed)
    shown = desk.told("pools", "show", *as_ken, "--lang", "ja")
    assert "3GBのうち0MB" in shown.replace(" ", "")
    assert "一時停止中" in shown

    refused = desk.run("pools", "change", pool, lines["Ken"], *as_ken)
    assert refused.exit_code == 2
    assert "Only the owner of a pool decides this" in refused.output
    desk.told("pools", "remove", pool, lines["Ken"], *as_ken)
    assert "Family" not in desk.told("pools", "show", *as_ken)
    assert "Ken" not in desk.told("pools", "show", *as_mai)
    desk.told("pools", "close", pool, *as_mai)
    shown = desk.told("pools", "show", *as_mai)
    assert "closed" in shown
    assert "Would go back" not in shown


def test_a_link_invites_so_many_lines_and_can_be_withdrawn(settings: Settings) -> None:
    desk = Desk(settings)
    mai, ken = (desk.told("people", "add", name) for name in ("Mai", "Ken"))
    plan, numbers = "yuzuri-mobile/monthly", ("+819012345670", "+819012345671")
    of_mai, of_ken = (
        desk.told("lines", "add", person, plan, number)
        for person, number in zip((mai, ken), numbers, strict=True)
    )
    pool = desk.told("pools", "open", "Family", "--as", mai, "--line", of_mai)
    invite = ("pools", "invite", pool, "--as", mai, "--lines", "2")
    invitation, link = desk.told(*invite).splitlines()
    assert "/l#" in link
    desk.told("pools", "join", link, of_ken, "--as", ken)
    assert "Ken •••71" in desk.told("pools", "show", "--as", mai)
    desk.told("pools", "withdraw", invitation, "--as", mai)
    by_number = desk.told("pools", "invite", pool, "--as", mai, "--number", "+819012345670")
    desk.told("pools", "decline", by_number, of_mai, "--as", mai)
    assert desk.run("pools", "join", by_number, of_mai, "--as", mai).exit_code == 2
    refused = desk.run("pools", "join", link, of_mai, "--as", mai)
    assert refused.exit_code == 2
    assert "no invitation" in refused.output
    nothing = desk.run("pools", "join", "never-made", of_mai, "--as", mai).exception
    assert isinstance(nothing, DomainError)
    assert nothing.refusal.code is Code.INVITATION_UNKNOWN


def test_a_pool_is_handed_over_by_both(settings: Settings) -> None:
    desk = Desk(settings)
    mai, ken = (desk.told("people", "add", name) for name in ("Mai", "Ken"))
    plan = "yuzuri-mobile/monthly"
    of_mai = desk.told("lines", "add", mai, plan, "+819012345670")
    of_ken = desk.told("lines", "add", ken, plan, "+819012345671")
    pool = desk.told("pools", "open", "Family", "--as", mai, "--line", of_mai)
    invite = ("pools", "invite", pool, "--as", mai, "--manager")
    _, link = desk.told(*invite).splitlines()
    desk.told("pools", "join", link, of_ken, "--as", ken)
    assert "Manager" in desk.told("pools", "show", "--as", ken)
    assert desk.run("pools", "take-over", pool, "--as", ken).exit_code == 2
    desk.told("pools", "hand-over", pool, "--as", mai, "--line", of_ken)
    assert "offered to Ken" in desk.told("pools", "show", "--as", mai)
    desk.told("pools", "take-over", pool, "--as", ken)
    assert "Owner" in desk.told("pools", "show", "--as", ken)
    assert "Family" not in desk.told("pools", "show", "--as", mai)


def test_a_limit_that_is_no_data_is_not_set(settings: Settings) -> None:
    unknown = "00000000-0000-7000-8000-000000000000"
    asked = ("pools", "invite", unknown, "--as", unknown, "--per-day", "10min")
    error = Desk(settings).run(*asked).exception
    assert isinstance(error, DomainError)
    assert error.refusal.code is Code.UNIT_MISMATCH
