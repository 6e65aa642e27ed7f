"""Giving from a line of somebody else's: what one may give, and what of it may be shown."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from yuzuri.db import Connection
from yuzuri.kernel.ids import HolderId
from yuzuri.kernel.names import Language
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.operators.profiles import Profiles, find_plan, gift_rules
from yuzuri.sharing.account import LineAccount, as_seen_by_others, load_line_accounts
from yuzuri.sharing.delegation_store import delegations_to
from yuzuri.sharing.delegations import Give, See
from yuzuri.subscribers.lines import Person, load_lines, load_people
from yuzuri.web.amounts import UnitChoice, example_of, giveable, round_amounts, say_chips
from yuzuri.web.line_views import LineView, kind_name, largest_gift
from yuzuri.web.offers import Preview
from yuzuri.words.formats import say_quantity
from yuzuri.words.translations import translate


@dataclass(slots=True)
class DelegatedLine:
    """A line from which somebody lets one give; `left` of each unit, in base units.

    `account` has what is on the line only where one may see it (`is_seen`).
    """

    account: LineAccount
    owner: Person
    left: dict[Unit, int]
    is_seen: bool = False


async def load_delegated_lines(
    connection: Connection, person: Person, at: datetime
) -> Sequence[DelegatedLine]:
    """Return the lines of others from which a person may give now."""
    active = [one for one in await delegations_to(connection, person.id, at) if one.is_active(at)]
    lines = await load_lines(connection, {one.line for one in active if one.scopes_of(Give)})
    owners = await load_people(connection, {line.person for line in lines.values()})
    seen = [lines[one.line] for one in active if one.line in lines and See() in one.scopes]
    accounts = {a.line.id: a for a in await load_line_accounts(connection, seen, at)}
    found: dict[HolderId, DelegatedLine] = {}
    for line in lines.values():
        owner = owners[line.person]
        balances = accounts[line.id].balances if line.id in accounts else ()
        account = LineAccount(as_seen_by_others(line, owner), balances)
        found[line.id] = DelegatedLine(account, owner, {}, is_seen=line.id in accounts)
    for one in active:
        for scope in one.scopes_of(Give):
            left = scope.in_all - one.given.get(scope.unit, 0)
            known = found[one.line].left
            known[scope.unit] = max(left, known.get(scope.unit, 0))
    return list(found.values())


def say_authority(source: DelegatedLine, language: Language) -> str:
    """Say on whose authority one gives."""
    return translate(language, "on {owner}’s authority", owner=source.owner.nickname)


def view_delegated_line(source: DelegatedLine, profiles: Profiles, language: Language) -> LineView:
    """Show a line of somebody else's: not the plan, nor more of the number than its end."""
    line = source.account.line
    return LineView(
        id=str(line.id),
        name=line.label,
        operator=profiles[line.operator].name.in_language(language),
        plan=say_authority(source, language),
        number=line.masked_number,
        unlimited=(),
        kinds=(),
        has_something=True,
        offers_gifts=True,
    )


def delegated_choices(
    source: DelegatedLine, profiles: Profiles, language: Language, at: datetime
) -> list[UnitChoice]:
    """Return the kinds that one may give, and amounts that the rules on size allow."""
    account = source.account
    profile = profiles[account.line.operator]
    plan = find_plan(profile, account.line.plan)
    rules = gift_rules(profile, plan)
    choices = []
    for unit in (unit for unit in Unit if unit in source.left):
        most = source.left[unit]
        if source.is_seen:
            most = min(most, giveable(account, profiles, unit, at))
        sizes = [q.amount for q in (rules.sizes.value if rules.sizes else ()) if q.unit is unit]
        largest = largest_gift(most, unit, plan, profile)
        fitting = [
            amount
            for amount in sizes or round_amounts(largest, unit)
            if largest_gift(amount, unit, plan, profile) == amount <= most
        ]
        choices.append(
            UnitChoice(
                unit.value,
                kind_name(unit, language),
                say_quantity(Quantity(most, unit), language),
                example_of(unit, language),
                say_chips(fitting, unit, language),
            )
        )
    return choices


def preview_as_seen(preview: Preview, source: DelegatedLine) -> Preview:
    """Leave out of a preview what one may not see: what is left, and of which parts it consists."""
    left = preview.left if source.is_seen else ""
    return replace(preview, owner=source.owner.nickname, returns=(), lost="", left=left)
