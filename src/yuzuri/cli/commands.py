"""All commands put together, and how what goes wrong is told: a sentence, never a traceback."""

import sys

import typer

from yuzuri.cli import (
    audit,
    bench,
    chaos,
    contacts,
    delegations,
    demo,
    feasibility,
    gifts,
    links,
    network,
    operators,
    pools,
    requests,
    serving,
    simulate,
    subscribers,
    tanks,
    verifying,
)
from yuzuri.cli.screen import tell_problem
from yuzuri.db import DatabaseUnavailable
from yuzuri.kernel.errors import DomainError

EXIT_REFUSED = 2
EXIT_UNAVAILABLE = 3

_app = typer.Typer(
    name="yuzuri",
    help="Give, share and exchange what is left on an eSIM.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
_app.command("demo")(demo.demo)
_app.command("serve")(serving.serve)
_app.command("init")(serving.init)
_app.command("migrate")(serving.migrate)
_app.command("verify")(verifying.verify)
_app.command("feasibility")(feasibility.feasibility)
_app.add_typer(operators.app, name="operators")
_app.add_typer(subscribers.people, name="people")
_app.add_typer(subscribers.lines, name="lines")
_app.add_typer(gifts.app, name="gifts")
_app.add_typer(links.app, name="links")
_app.add_typer(requests.app, name="requests")
_app.add_typer(contacts.app, name="contacts")
_app.add_typer(pools.app, name="pools")
_app.add_typer(tanks.app, name="tanks")
_app.add_typer(delegations.app, name="delegations")
_app.add_typer(network.app, name="network")
_app.add_typer(audit.app, name="audit")
_app.add_typer(bench.app, name="bench")
_app.command("chaos")(chaos.chaos)
_app.add_typer(simulate.app, name="simulate")


def command_line() -> None:
    """Run a command; exits 0 if it did what it says, 2 if refused, 3 without a database."""
    try:
        _app()
    except DomainError as error:
        tell_problem(error.refusal)
        sys.exit(EXIT_REFUSED)
    except DatabaseUnavailable as error:
        print(error, file=sys.stderr)
        if error.log_tail:
            print(error.log_tail, file=sys.stderr)
        sys.exit(EXIT_UNAVAILABLE)
    except KeyboardInterrupt:
        sys.exit(130)
