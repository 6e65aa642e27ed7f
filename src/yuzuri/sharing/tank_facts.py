"""What decisions about tanks may look at, and what they have changed of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from yuzuri.feasibility.holdings import total
from yuzuri.feasibility.law import usable_until
from yuzuri.feasibility.question import GiftQuestion, Holding, Party
from yuzuri.feasibility.tank import DrawQuestion, donation
from yuzuri.kernel.calendar import month_start
from yuzuri.kernel.ids import HolderId, Home, PoolId, home_of
from yuzuri.kernel.quantities import Quantity, Unit
from yuzuri.ledger.book import Book
from yuzuri.operators.profiles import Profiles, find_plan
from yuzuri.operators.services import Tank as TankService
from yuzuri.sharing.tanks import Tank, TankAccount
from yuzuri.subscribers.lines import Line

AccountKey = tuple[HolderId, PoolId]


@dataclass(slots=True)
class TankFacts:
    """The tanks that a group names (all of an operator that opens one), and what lines did there.

    `areas` is where the operator has recorded lines to be.
    """

    book: Book
    profiles: Profiles
    lines: Mapping[HolderId, Line] = field(default_factory=dict)
    tanks: dict[PoolId, Tank] = field(default_factory=dict)
    accounts: dict[AccountKey, TankAccount] = field(default_factory=dict)
    areas: Mapping[HolderId, str] = field(default_factory=dict)

    changed_tanks: set[PoolId] = field(default_factory=set)
    changed_accounts: set[AccountKey] = field(default_factory=set)

    @property
    def at(self) -> datetime:
        """The instant of the decision."""
        return self.book.at

    @property
    def homes_changed(self) -> set[Home]:
        """The homes of which a decision has changed something of this."""
        lines = {line for line, _ in self.changed_accounts}
        return {home_of(holder) for holder in lines | self.changed_tanks}

    def set_tank(self, tank: Tank) -> None:
        """Take in a tank as it now stands."""
        self.tanks[tank.id] = tank
        self.changed_tanks.add(tank.id)

    def set_account(self, account: TankAccount) -> None:
        """Take in what a line has now done at a tank."""
        key = (account.line, account.tank)
        self.accounts[key] = account
        self.changed_accounts.add(key)

    def account(self, line: Line, tank: Tank) -> TankAccount:
        """Return what a line has done at a tank so far."""
        known = self.accounts.get((line.id, tank.id))
        if known is not None:
            return known
        month = month_start(self.at, self.profiles[line.operator].zone)
        return TankAccount(line=line.id, tank=tank.id, month=month)

    def party(self, line: Line) -> Party:
        """Return a line as rules look at it."""
        profile = self.profiles[line.operator]
        return Party(profile, find_plan(profile, line.plan), line.activated_at)

    def inside(self, tank: Tank) -> list[Holding]:
        """Return what can be drawn from a tank, soonest expiry first."""
        profile = self.profiles[tank.operator]
        return [
            Holding(allowance, bucket.available)
            for bucket, allowance in self.book.holdings(tank.id, Unit.DATA)
            if usable_until(profile, allowance) > self.at
        ]

    def draw_question(
        self, line: Line, tank: Tank, service: TankService, amount: int | None
    ) -> DrawQuestion:
        """Put the question of a draw with everything that is known."""
        account = self.account(line, tank)
        draws, drawn_this_month = account.in_month_of(self.at, self.profiles[tank.operator].zone)
        return DrawQuestion(
            party=self.party(line),
            tank=service,
            at=self.at,
            amount=amount,
            until=tank.until,
            draws=draws,
            drawn_this_month=drawn_this_month,
            given=account.given,
            drawn=account.drawn,
            left=self._left(line),
            inside=total(self.inside(tank)),
            area=tank.area or "",
            in_area=self.areas.get(line.id) == tank.area,
        )

    def donation_question(self, line: Line, quantity: Quantity) -> GiftQuestion:
        """Put the question of a donation with everything that is known."""
        holdings = tuple(
            Holding(self.book.allowances[bucket.allowance], bucket.available)
            for bucket in self.book.buckets_of(line.id)
            if bucket.available
        )
        return donation(self.party(line), quantity, self.at, holdings)

    def _left(self, line: Line) -> int:
        """Return the data that is left on a line; what is set aside for something is still there.

        Else somebody with plenty would offer it to a friend, draw, and take the offer back.
        """
        return sum(
            bucket.balance
            for bucket in self.book.buckets_of(line.id)
            for allowance in (self.book.allowances[bucket.allowance],)
            if allowance.unit is Unit.DATA and not allowance.is_over(self.at)
        )
