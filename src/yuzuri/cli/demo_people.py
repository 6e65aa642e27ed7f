"""The people of the demo: who they are, what lines they have, and what is left on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from yuzuri.catalog.purchases import Purchase
from yuzuri.kernel.calendar import month_start
from yuzuri.kernel.errors import DomainError, Refusal
from yuzuri.kernel.ids import (
    HOME,
    HolderId,
    Home,
    Id,
    PersonId,
    PoolId,
    PurchaseId,
    derived_id,
    home_of,
    in_home,
)
from yuzuri.kernel.names import Language
from yuzuri.runtime.running import HOUSE_CLIENT, Yuzuri
from yuzuri.sharing.tanks import OpenTank
from yuzuri.subscribers.lines import (
    Line,
    Person,
    add_line,
    add_person,
    load_lines,
    load_people,
)
from yuzuri.subscribers.network_identities import add_identity

LINE_AGE = timedelta(days=400)
"""How long ago the demo's lines were activated: no operator finds them too young."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoLine:
    """One line of a demo person."""

    key: str
    operator: str
    plan: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPerson:
    """Somebody in the demo."""

    nickname: str
    language: Language
    about: str
    lines: tuple[DemoLine, ...]


DEMO_PEOPLE: Sequence[DemoPerson] = (
    DemoPerson(
        nickname="Aki",
        language=Language.JA,
        about="has data, minutes and messages to spare on Yuzuri Mobile, and a mineo line",
        lines=(
            DemoLine(key="aki-yuzuri", operator="yuzuri-mobile", plan="monthly", label="Main"),
            DemoLine(key="aki-mineo", operator="mineo", plan="mypita-10gb", label="Tablet"),
        ),
    ),
    DemoPerson(
        nickname="Ben",
        language=Language.EN,
        about="travels in Japan on a 7-day Yuzuri Mobile eSIM",
        lines=(
            DemoLine(key="ben-travel", operator="yuzuri-mobile", plan="travel-7d", label="Trip"),
        ),
    ),
    DemoPerson(
        nickname="晓晓",
        language=Language.ZH,
        about="studies in Osaka: a mineo line, and ahamo, which lets nobody give",
        lines=(
            DemoLine(key="xiao-mineo", operator="mineo", plan="mypita-1gb", label="手机"),
            DemoLine(key="xiao-ahamo", operator="docomo", plan="ahamo", label="ahamo"),
        ),
    ),
    DemoPerson(
        nickname="Wanjiru",
        language=Language.EN,
        about="has night data on Safaricom, which cannot be given, and a bundle that can",
        lines=(
            DemoLine(key="wanjiru-night", operator="safaricom", plan="night", label="Night"),
            DemoLine(key="wanjiru-bundle", operator="safaricom", plan="no-expiry", label="Day"),
        ),
    ),
    DemoPerson(
        nickname="Haruto",
        language=Language.JA,
        about="is on povo2.0, which nobody can give to",
        lines=(DemoLine(key="haruto-povo", operator="kddi", plan="povo", label="povo"),),
    ),
    DemoPerson(
        nickname="美怡",
        language=Language.ZH,
        about="is out in Tokyo with a phone that uses all she has, and then waits for a gift",
        lines=(
            DemoLine(key="mei-phone", operator="yuzuri-mobile", plan="carry-over", label="手机"),
        ),
    ),
)
"""Whom one may be in the demo."""

DEMO_NAMESPACE = Id(bytes.fromhex("019a8e5e00007000800079757a757269"))
"""The people of the demo have the same ids at every start, so that it can be left and gone on."""


async def settle_people(
    yuzuri: Yuzuri, people: Sequence[DemoPerson], namespace: Id
) -> Mapping[str, HolderId]:
    """Make people known with their lines and this month's plan; returns the lines by key.

    Doing it again changes nothing within a month; in the next one, each line gets its new cycle.
    """
    lines: dict[str, HolderId] = {}
    for person in people:
        derived = derived_id(namespace, person.nickname)
        person_id = PersonId(in_home(derived, Home(derived[0] % yuzuri.homes)))
        async with yuzuri.database.connection() as connection:
            if not await load_people(connection, [person_id]):
                joined_at = yuzuri.clock()
                await add_person(
                    connection, Person(person_id, person.nickname, person.language, joined_at)
                )
            for demo_line in person.lines:
                line = _line(yuzuri, demo_line, person_id, namespace)
                lines[demo_line.key] = line.id
                if not await load_lines(connection, [line.id]):
                    await add_line(connection, line)
                    await add_identity(connection, demo_supi(demo_line.key, namespace), line.id)
        for demo_line in person.lines:
            await _issue(yuzuri, lines[demo_line.key], demo_line)
    tank = OpenTank(tank=demo_tank(namespace), operator="mineo", name="Free Tank")
    await yuzuri.submit(HOUSE_CLIENT, f"tank {tank.tank}", tank)
    return lines


def demo_tank(namespace: Id) -> PoolId:
    """Return the id of mineo's common tank."""
    return PoolId(HolderId(in_home(derived_id(namespace, "tank"), HOME)))


def demo_number(key: str, namespace: Id) -> str:
    """Return a number for a line, the same each time; +81 90 0… is assigned to nobody."""
    return f"+81900{int.from_bytes(derived_id(namespace, f'number {key}')) % 10**7:07d}"


def demo_supi(key: str, namespace: Id) -> str:
    """Return the name by which the demo's network knows a line; 001 01 is a network for tests."""
    return f"imsi-00101{demo_number(key, namespace)[-10:]}"


def _line(yuzuri: Yuzuri, line: DemoLine, person: PersonId, namespace: Id) -> Line:
    return Line(
        id=HolderId(in_home(derived_id(namespace, f"line {line.key}"), home_of(person))),
        person=person,
        operator=line.operator,
        plan=line.plan,
        number=demo_number(line.key, namespace),
        label=line.label,
        activated_at=yuzuri.clock() - LINE_AGE,
    )


async def _issue(yuzuri: Yuzuri, line: HolderId, demo_line: DemoLine) -> None:
    zone = yuzuri.profiles[demo_line.operator].zone
    month = month_start(yuzuri.clock(), zone).astimezone(zone).strftime("%Y-%m")
    purchase = PurchaseId(derived_id(line, f"plan of {month}"))
    command = Purchase(id=purchase, line=line)
    outcome = await yuzuri.submit(HOUSE_CLIENT, f"purchase {purchase}", command)
    if isinstance(outcome, Refusal):
        raise DomainError(outcome.code, **outcome.fields)
