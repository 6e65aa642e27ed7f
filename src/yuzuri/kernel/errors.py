"""Every code that a person or a program can meet, and the two ways to say no.

A refusal that belongs to the business (too much, too late, not offered) is a value that is
returned; `DomainError` is for what the caller did wrong and is raised. Neither knows a protocol or
a language: each edge turns codes into its own words (`yuzuri.words` has the sentences).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from yuzuri.kernel.names import Name
from yuzuri.kernel.quantities import Quantity

FieldValue = str | int | datetime | Quantity | Name | tuple[Quantity, ...] | tuple[str, ...]
"""What a code can carry: values only, so that each language can say them in its own way."""


class Code(StrEnum):
    """A stable name for one reason; once published it never changes its meaning."""

    # What the caller sent
    REQUEST_INVALID = "request.invalid"
    REQUEST_MALFORMED = "request.malformed"
    REQUEST_TOO_LARGE = "request.too_large"
    REQUEST_IN_FLIGHT = "request.in_flight"
    REQUEST_BUSY = "request.busy"
    PATH_UNKNOWN = "path.unknown"
    METHOD_NOT_ALLOWED = "method.not_allowed"
    KEY_MISSING = "idempotency_key.missing"
    KEY_INVALID = "idempotency_key.invalid"
    KEY_REUSED = "idempotency_key.reused"
    AMOUNT_UNREADABLE = "amount.unreadable"
    AMOUNT_FRACTIONAL = "amount.fractional"
    AMOUNT_NOT_POSITIVE = "amount.not_positive"
    AMOUNT_TOO_LARGE = "amount.too_large"
    UNIT_UNKNOWN = "unit.unknown"
    UNIT_MISMATCH = "unit.mismatch"
    TIME_UNREADABLE = "time.unreadable"
    MESSAGE_TOO_LONG = "message.too_long"
    LANGUAGE_UNKNOWN = "language.unknown"
    TOO_MANY_TRIES = "tries.too_many"
    # Who is asking, and for what
    SESSION_MISSING = "session.missing"
    SESSION_INVALID = "session.invalid"
    SIGN_IN_REFUSED = "sign_in.refused"
    PERSON_UNKNOWN = "person.unknown"
    CHARGING_SESSION_UNKNOWN = "charging_session.unknown"
    LINE_UNKNOWN = "line.unknown"
    LINE_NOT_YOURS = "line.not_yours"
    NUMBER_UNREADABLE = "number.unreadable"
    NUMBER_TAKEN = "number.taken"
    LINKED_NUMBERS_FULL = "linked_numbers.full"
    CONTACTS_FULL = "contacts.full"
    SUPI_UNREADABLE = "supi.unreadable"
    SUPI_TAKEN = "supi.taken"
    NETWORK_FUNCTION_UNKNOWN = "network_function.unknown"
    NOTIFY_ORIGIN_UNREADABLE = "notify_origin.unreadable"
    TOKEN_ISSUER_UNKNOWN = "token_issuer.unknown"  # noqa: S105 - a code, no secret
    TOKEN_ISSUER_KEY_UNREADABLE = "token_issuer_key.unreadable"  # noqa: S105
    OPERATOR_UNKNOWN = "operator.unknown"
    PLAN_UNKNOWN = "plan.unknown"
    TOP_UP_UNKNOWN = "top_up.unknown"
    PROFILE_INVALID = "profile.invalid"
    # What the line has
    BALANCE_NOT_ENOUGH = "balance.not_enough"
    ALLOWANCE_EXPIRED = "allowance.expired"
    ALLOWANCE_UNKNOWN = "allowance.unknown"
    # What the ledger is asked to do
    TRANSFER_TO_ITSELF = "transfer.to_itself"
    HOLDER_UNKNOWN = "holder.unknown"
    HOLDER_ELSEWHERE = "holder.elsewhere"
    HOLD_ENDED = "hold.ended"
    HOLD_TOO_SMALL = "hold.too_small"
    # Whether a gift may be
    GIFT_NOT_OFFERED = "gift.not_offered"
    GIFT_RULES_UNKNOWN = "gift.rules_unknown"
    GIFT_UNIT_NOT_OFFERED = "gift.unit_not_offered"
    GIFT_OTHER_OPERATOR = "gift.other_operator"
    GIFT_OTHER_ACCOUNT = "gift.other_account"
    GIFT_OTHER_BILLING_GROUP = "gift.other_billing_group"
    GIFT_NOT_LINKED = "gift.not_linked"
    GIFT_TO_ONESELF = "gift.to_oneself"
    GIFT_PLAN_TYPE = "gift.plan_type"
    GIFT_STEP = "gift.step"
    GIFT_MINIMUM = "gift.minimum"
    GIFT_MAXIMUM = "gift.maximum"
    GIFT_SIZE = "gift.size"
    GIFT_SOURCE = "gift.source"
    GIFT_EXCLUDED = "gift.excluded"
    GIFT_REGIFT = "gift.regift"
    GIFT_KEEP = "gift.keep"
    GIFT_CYCLE_SHARE = "gift.cycle_share"
    GIFT_COUNT_PER_DAY = "gift.count_per_day"
    GIFT_COUNT_PER_MONTH = "gift.count_per_month"
    GIFT_VOLUME_PER_DAY = "gift.volume_per_day"
    GIFT_VOLUME_PER_MONTH = "gift.volume_per_month"
    GIFT_RECEIVED_PER_MONTH = "gift.received_per_month"
    GIFT_LINE_TOO_YOUNG = "gift.line_too_young"
    GIFT_YOUNG_LINE_VOLUME = "gift.young_line_volume"
    GIFT_PENDING = "gift.pending"
    GIFT_BLACKOUT = "gift.blackout"
    GIFT_TOO_EARLY = "gift.too_early"
    GIFT_FEE = "gift.fee"
    GIFT_IRREVERSIBLE = "gift.irreversible"
    GIFT_EXPIRES_UNCLAIMED = "gift.expires_unclaimed"
    LAW_PAID_VALUE_EXPIRY = "law.paid_value_expiry"
    LAW_LINE_HANDING = "law.line_handing"
    # What has become of a gift
    GIFT_UNKNOWN = "gift.unknown"
    GIFT_NOT_YOURS = "gift.not_yours"
    GIFT_ENDED = "gift.ended"
    GIFT_EXPIRED = "gift.expired"
    # What a link leads to
    LINK_UNKNOWN = "link.unknown"
    LINK_TAKEN = "link.taken"
    LINK_ENDED = "link.ended"
    LINK_TOO_MANY_SHARES = "link.too_many_shares"
    LINK_OTHER_OPERATOR = "link.other_operator"
    LINK_CONTACTS_ONLY = "link.contacts_only"
    LINK_LINE_TOO_YOUNG = "link.line_too_young"
    LINK_SHARES_PER_DAY = "link.shares_per_day"
    PASSCODE_MISSING = "passcode.missing"
    PASSCODE_WRONG = "passcode.wrong"
    PASSCODE_CLOSED = "passcode.closed"
    DEADLINE_PAST = "deadline.past"
    GIFT_REQUEST_UNKNOWN = "gift_request.unknown"
    GIFT_REQUEST_ENDED = "gift_request.ended"
    GIFT_REQUEST_TOO_MUCH = "gift_request.too_much"
    GIFT_THANKED = "gift.thanked"
    # What a line has used
    NOTICE_UNKNOWN = "notice.unknown"
    # Who may draw on a pool, and what may be put into it
    POOL_UNKNOWN = "pool.unknown"
    POOL_NOT_YOURS = "pool.not_yours"
    POOL_NOT_OFFERED = "pool.not_offered"
    POOL_OTHER_OPERATOR = "pool.other_operator"
    POOL_OTHER_ACCOUNT = "pool.other_account"
    POOL_FULL = "pool.full"
    POOL_SOURCE = "pool.source"
    POOL_MEMBER_ALREADY = "pool.member_already"
    POOL_MEMBER_UNKNOWN = "pool.member_unknown"
    POOL_OWNER_STAYS = "pool.owner_stays"
    POOL_OWNER_FILLS = "pool.owner_fills"
    POOL_NOT_HANDED_OVER = "pool.not_handed_over"
    INVITATION_UNKNOWN = "invitation.unknown"
    # Who may draw on a tank, and when
    TANK_UNKNOWN = "tank.unknown"
    TANK_CLOSED = "tank.closed"
    TANK_NOT_OFFERED = "tank.not_offered"
    TANK_OTHER_OPERATOR = "tank.other_operator"
    TANK_NOT_YET = "tank.not_yet"
    TANK_DRAWS_PER_MONTH = "tank.draws_per_month"
    TANK_VOLUME_PER_MONTH = "tank.volume_per_month"
    TANK_LEFT = "tank.left"
    TANK_NET_TAKER = "tank.net_taker"
    TANK_OUT_OF_AREA = "tank.out_of_area"
    TANK_NOT_ENOUGH = "tank.not_enough"
    TANK_EMPTY = "tank.empty"
    TANK_FOR_ALL = "tank.for_all"
    TANK_OPEN_ALREADY = "tank.open_already"
    TANK_NOT_EXTENDABLE = "tank.not_extendable"
    TANK_OPEN_DAYS = "tank.open_days"
    AREA_UNREADABLE = "area.unreadable"
    # Who may act on another person's line
    DELEGATION_UNKNOWN = "delegation.unknown"
    DELEGATION_ENDED = "delegation.ended"
    DELEGATION_TO_ONESELF = "delegation.to_oneself"
    DELEGATION_TIME = "delegation.time"
    DELEGATION_NOT_OFFERED = "delegation.not_offered"
    DELEGATION_RULES_UNKNOWN = "delegation.rules_unknown"
    DELEGATION_SCOPE_NOT_OFFERED = "delegation.scope_not_offered"
    DELEGATION_OTHER_OPERATOR = "delegation.other_operator"
    DELEGATION_LINE_NEEDED = "delegation.line_needed"
    DELEGATION_CAP = "delegation.cap"
    TERMS_CHANGED = "terms.changed"
    TERMS_NOT_AGREED = "terms.not_agreed"
    # What works instead
    INSTEAD_AMOUNT = "instead.amount"
    INSTEAD_FROM = "instead.from"
    INSTEAD_SERVICE = "instead.service"
    INSTEAD_LINE = "instead.line"
    INSTEAD_NEW_LINE = "instead.new_line"
    # The machine below
    SETTING_INVALID = "setting.invalid"
    HOMES_FIXED = "homes.fixed"
    DATABASE_UNAVAILABLE = "database.unavailable"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something is not done: a code, and the values that its sentence needs."""

    code: Code
    fields: Mapping[str, FieldValue] = field(default_factory=dict)


class DomainError(Exception):
    """The caller asked for what cannot be understood, found or allowed; nothing has changed."""

    def __init__(self, code: Code, **fields: FieldValue) -> None:
        super().__init__(code.value, fields)
        self.refusal = Refusal(code, fields)
