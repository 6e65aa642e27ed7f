"""What lines have put into a pool, what remains of it, and what goes back. No I/O.

Use takes from all that was put in of one allowance in proportion, so what remains of each is the
balance divided as the amounts were, to the byte. What is owed to a line that draws on the pool no
longer comes before the others' and is used by nobody.
"""

from collections.abc import Callable, Iterable, Sequence

from msgspec.structs import replace

from yuzuri.kernel.ids import AllowanceId, HolderId, PoolId
from yuzuri.sharing.pools import Contribution


def apportion(total: int, amounts: Sequence[int]) -> list[int]:
    """Divide a total as the amounts are: the parts sum to it, each exact to less than 1.

    The largest remainders get what rounding leaves; of equal ones the first. With a total up to the
    sum of the amounts, no part is more than its amount.
    """
    whole = sum(amounts)
    if not whole:
        return [0] * len(amounts)
    parts = [total * amount // whole for amount in amounts]
    by_remainder = sorted(range(len(amounts)), key=lambda n: -(total * amounts[n] % whole))
    for number in by_remainder[: total - sum(parts)]:
        parts[number] += 1
    return parts


def settle(
    contributions: Iterable[Contribution], balance_of: Callable[[AllowanceId], int]
) -> list[Contribution]:
    """Work out what remains of each; what nothing remains of is left out.

    `balance_of` says how much a pool has of an allowance, set aside or not, in base units: 0 where
    that is over, for what has expired goes back to nobody.
    """
    settled: list[Contribution] = []
    for allowance, parts in _by_allowance(contributions).items():
        balance = balance_of(allowance)
        owed = [one for one in parts if one.is_owed]
        others = [one for one in parts if not one.is_owed]
        owing = min(balance, sum(one.amount for one in owed))
        settled += _divide(owing, owed) + _divide(balance - owing, others)
    return settled


def add(
    contributions: Iterable[Contribution],
    pool: PoolId,
    line: HolderId,
    amounts: Iterable[tuple[AllowanceId, int]],
) -> list[Contribution]:
    """Add what a line puts in to what is settled."""
    added = [
        Contribution(pool=pool, line=line, allowance=allowance, amount=amount)
        for allowance, amount in amounts
    ]
    return _merged([*contributions, *added])


def owe(contributions: Iterable[Contribution], lines: Iterable[HolderId]) -> list[Contribution]:
    """Owe these lines what they have put in from now on."""
    gone = set(lines)
    return _merged(replace(one, is_owed=True) if one.line in gone else one for one in contributions)


def pay(
    contributions: Sequence[Contribution], available_of: Callable[[AllowanceId], int]
) -> tuple[list[Contribution], list[Contribution]]:
    """Return what goes back now of what is owed, and what remains after it.

    `available_of` says how much of an allowance nothing holds; where that is not enough for all to
    whom something is owed, it is divided among them.
    """
    paid: list[Contribution] = []
    for allowance, parts in _by_allowance(contributions).items():
        owed = [one for one in parts if one.is_owed]
        owing = sum(one.amount for one in owed)
        paid += _divide(min(available_of(allowance), owing), owed)
    amounts = {_key(one): one.amount for one in paid}
    rest = (replace(one, amount=one.amount - amounts.get(_key(one), 0)) for one in contributions)
    return paid, [one for one in rest if one.amount]


_Key = tuple[HolderId, AllowanceId, bool]


def _key(one: Contribution) -> _Key:
    return one.line, one.allowance, one.is_owed


def _by_allowance(
    contributions: Iterable[Contribution],
) -> dict[AllowanceId, list[Contribution]]:
    """Return contributions by allowance, in the order of their lines: the same for everybody."""
    found: dict[AllowanceId, list[Contribution]] = {}
    for one in sorted(contributions, key=_key):
        found.setdefault(one.allowance, []).append(one)
    return found


def _divide(total: int, among: Sequence[Contribution]) -> list[Contribution]:
    parts = apportion(total, [one.amount for one in among])
    return [replace(one, amount=part) for one, part in zip(among, parts, strict=True) if part]


def _merged(contributions: Iterable[Contribution]) -> list[Contribution]:
    known: dict[_Key, Contribution] = {}
    for one in contributions:
        before = known.get(_key(one))
        amount = one.amount + (before.amount if before else 0)
        known[_key(one)] = replace(one, amount=amount)
    return list(known.values())
