"""The English sentence of every code; other languages translate it in their catalog.

Sentences about rules say the rule, never an accusation: the same code also stands where it is not
known whether the rule is kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from yuzuri.kernel.errors import Code


@dataclass(frozen=True, slots=True)
class Sentence:
    """What a code says, and what one can do next.

    Each is a list from the most telling to the plainest; the first whose {placeholders} all have a
    value is said. The last text has none, so that there is always something to say; a next step
    may be left out. `ends` names the fields that are ends of time and not beginnings.
    """

    texts: tuple[str, ...]
    next_steps: tuple[str, ...] = ()
    ends: frozenset[str] = frozenset()


def _says(*texts: str, then: str | tuple[str, ...] = (), ends: str = "") -> Sentence:
    next_steps = (then,) if isinstance(then, str) else then
    return Sentence(texts, next_steps, frozenset(ends.split()))


_REQUESTS: Mapping[Code, Sentence] = {
    Code.REQUEST_INVALID: _says(
        "“{field}” is not as it should be: {problem}.",
        "Something in what was sent is not as it should be.",
        then="Correct it and send it again.",
    ),
    Code.REQUEST_MALFORMED: _says(
        "What was sent cannot be read.",
        then="Check the request and send it again.",
    ),
    Code.REQUEST_TOO_LARGE: _says(
        "What was sent is larger than we accept.",
        then="Send less at once.",
    ),
    Code.REQUEST_IN_FLIGHT: _says(
        "The same request is being worked on at this moment.",
        then="Wait a moment and send it again with the same key; it will not be done twice.",
    ),
    Code.REQUEST_BUSY: _says(
        "Too many people are asking at this moment, so nothing has been done.",
        then="Please try again in a moment.",
    ),
    Code.PATH_UNKNOWN: _says(
        "There is nothing at this address.",
        then="Check the address, or start from the first page.",
    ),
    Code.METHOD_NOT_ALLOWED: _says(
        "This address does not take requests of this kind.",
        then="Look up in the API description which requests it takes.",
    ),
    Code.KEY_MISSING: _says(
        "The request needs an Idempotency-Key, so that it is never done twice.",
        then="Send a new key with each new request, and the same key when you try again.",
    ),
    Code.KEY_INVALID: _says(
        "The Idempotency-Key cannot be used as it is.",
        then="Send a new key with each new request, such as a UUID.",
    ),
    Code.KEY_REUSED: _says(
        "This Idempotency-Key already belongs to another request.",
        then="Send a new key with each new request.",
    ),
    Code.AMOUNT_UNREADABLE: _says(
        "“{text}” is not an amount that we can read.",
        "The amount cannot be read.",
        then="Write it like 1 GB, 500 MB, 10 min or 3 SMS.",
    ),
    Code.AMOUNT_FRACTIONAL: _says(
        "“{text}” is not a whole number of bytes, seconds or messages.",
        "The amount is not a whole number of bytes, seconds or messages.",
        then="Choose an amount with fewer decimals.",
    ),
    Code.AMOUNT_NOT_POSITIVE: _says(
        "The amount must be more than zero.",
        then="Enter how much you want to give.",
    ),
    Code.AMOUNT_TOO_LARGE: _says(
        "The amount is larger than anything that a line can hold.",
        then="Enter a smaller amount.",
    ),
    Code.UNIT_UNKNOWN: _says(
        "“{text}” is not something that a line holds. It holds data, voice minutes and SMS.",
        "A line holds data, voice minutes and SMS, and nothing else.",
        then="Choose data, voice or sms.",
    ),
    Code.UNIT_MISMATCH: _says(
        "“{text}” is not an amount of {unit}.",
        "The amount is of another kind than the one asked for.",
        then="Write data like 500 MB, voice minutes like 10 min and messages like 3 SMS.",
    ),
    Code.TIME_UNREADABLE: _says(
        "“{text}” is not a time that we can read.",
        "The time cannot be read.",
        then="Write it like 2026-12-31T23:30+09:00.",
    ),
    Code.MESSAGE_TOO_LONG: _says(
        "A message can have at most {limit} characters.",
        "The message is too long.",
        then="Shorten it a little.",
    ),
    Code.LANGUAGE_UNKNOWN: _says(
        "Yuzuri speaks English, Japanese and Chinese, but not “{text}”.",
        "Yuzuri speaks English, Japanese and Chinese.",
        then="Choose en, ja or zh.",
    ),
}

_PEOPLE: Mapping[Code, Sentence] = {
    Code.TOO_MANY_TRIES: _says(
        "Too much was tried that does not work.",
        then=("Please try again in {seconds}.", "Please try again later."),
    ),
    Code.SESSION_MISSING: _says("You are not signed in.", then="Please sign in."),
    Code.SESSION_INVALID: _says(
        "You are no longer signed in.",
        then="Please sign in again.",
    ),
    Code.SIGN_IN_REFUSED: _says(
        "This sign-in code does not work: it was used already, has run out or never existed.",
        then="Ask for a new code and use it within 15 minutes.",
    ),
    Code.PERSON_UNKNOWN: _says("We do not know this person.", then="Check whom you chose."),
    Code.CHARGING_SESSION_UNKNOWN: _says(
        "We do not know this session of the network, or it has ended.",
        then="Let the network begin a new one.",
    ),
    Code.LINE_UNKNOWN: _says(
        "We do not know this line.",
        then="Check the number. Perhaps its owner does not use Yuzuri yet.",
    ),
    Code.LINE_NOT_YOURS: _says(
        "This line belongs to someone else.",
        then="Choose one of your own lines.",
    ),
    Code.NUMBER_UNREADABLE: _says(
        "“{text}” is not a phone number that we can read.",
        "The phone number cannot be read.",
        then="Write it with its country code, like +81 90 1234 5678.",
    ),
    Code.NUMBER_TAKEN: _says(
        "The number {number} already belongs to a line.",
        "This number already belongs to a line.",
        then="Check the number.",
    ),
    Code.LINKED_NUMBERS_FULL: _says(
        "The operator lets a line be linked with at most {limit} numbers.",
        "The line is linked with as many numbers as the operator allows.",
        then="Give to one of the numbers that are linked.",
    ),
    Code.CONTACTS_FULL: _says(
        "There can be at most {limit} contacts.",
        "There can be no more contacts.",
        then="Remove one that you no longer need.",
    ),
    Code.SUPI_UNREADABLE: _says(
        "“{text}” is not a SUPI.",
        "This is not a SUPI.",
        then="Write it as imsi- and 5 to 15 digits, such as imsi-440101234567890.",
    ),
    Code.SUPI_TAKEN: _says(
        "The SUPI {supi} already belongs to a line.",
        "This SUPI already belongs to a line.",
        then="Check the SUPI.",
    ),
    Code.NETWORK_FUNCTION_UNKNOWN: _says(
        "No network function is registered as “{network_function}”.",
        "This network function is not registered.",
        then="Look it up with “yuzuri network list”.",
    ),
    Code.NOTIFY_ORIGIN_UNREADABLE: _says(
        "“{text}” is not an address that can be told something.",
        "This is not an address that can be told something.",
        then="Write scheme, host and port only, such as http://10.0.0.5:29502.",
    ),
    Code.TOKEN_ISSUER_UNKNOWN: _says(
        "No token issuer is trusted as “{issuer}”.",
        "This token issuer is not trusted.",
        then="Look it up with “yuzuri network list”.",
    ),
    Code.TOKEN_ISSUER_KEY_UNREADABLE: _says(
        "This file holds no public key that tokens can be signed with.",
        then="Give a PEM file (public key or certificate) or a JWK: P-256, or RSA with 2048 bits"
        " or more.",
    ),
    Code.OPERATOR_UNKNOWN: _says(
        "We do not know an operator called “{operator}”.",
        "We do not know this operator.",
        then=("Known operators: {known}.", "See the list of operators."),
    ),
    Code.PLAN_UNKNOWN: _says(
        "We do not know a plan called “{plan}” of {operator}.",
        "We do not know this plan.",
        then=("Known plans: {known}.", "See the operator's list of plans."),
    ),
    Code.TOP_UP_UNKNOWN: _says(
        "This plan has no top-up called “{top_up}”.",
        "This plan has no such top-up.",
        then=("Known top-ups: {known}.", "See what the plan offers."),
    ),
    Code.PROFILE_INVALID: _says(
        "The operator profile {file} is not right: {problem}.",
        "An operator profile is not right.",
        then="Correct the file and run “yuzuri operators check”.",
    ),
}

_BALANCES: Mapping[Code, Sentence] = {
    Code.BALANCE_NOT_ENOUGH: _says(
        "There is {available} left on this line, which is less than {amount}.",
        "There is not enough left on this line.",
        then=("Give {available} or less.", "Choose another line."),
    ),
    Code.ALLOWANCE_EXPIRED: _says(
        "Part of what this line had has expired. There is {available} left, which is less than"
        " {amount}.",
        "Part of what this line had has expired, and what is left is not enough.",
        then=("Give {available} or less.", "Choose another line."),
    ),
    Code.ALLOWANCE_UNKNOWN: _says(
        "The line has nothing of this kind.",
        then="Look up what the line has.",
    ),
    Code.TRANSFER_TO_ITSELF: _says(
        "Where it comes from and where it goes to are the same.",
        then="Choose another receiver.",
    ),
    Code.HOLDER_UNKNOWN: _says(
        "Nobody is known who could receive this.",
        then="Check the receiver and try again.",
    ),
    Code.HOLDER_ELSEWHERE: _says(
        "What is set aside can be taken only where it was set aside.",
        then="Release it, and move it to the receiver instead.",
    ),
    Code.HOLD_ENDED: _says(
        "What was set aside has been taken, released or has run out.",
        then="Set it aside again.",
    ),
    Code.HOLD_TOO_SMALL: _says(
        "Only {available} is set aside.",
        "Less than that is set aside.",
        then=("Take {available} or less.", "Take less."),
    ),
}

_RULES: Mapping[Code, Sentence] = {
    Code.GIFT_NOT_OFFERED: _says(
        "As far as is known, {operator} offers no direct gifts of what is left on a line.",
        "As far as is known, no direct gifts of what is left on a line are offered here.",
        then="See whether there is another way.",
    ),
    Code.GIFT_RULES_UNKNOWN: _says(
        "We found no published rule by which {operator} allows or forbids this.",
        "We found no published rule that allows or forbids this.",
        then=("Ask {operator} before you count on it.", "Ask the operator before you count on it."),
    ),
    Code.GIFT_UNIT_NOT_OFFERED: _says(
        "{operator} lets you give {offered}, but not {unit}.",
        "The operator does not let you give this kind of allowance.",
        then="Choose a kind that can be given.",
    ),
    Code.GIFT_OTHER_OPERATOR: _says(
        "{operator} lets you give only to its own customers, not to those of {other}.",
        "{operator} lets you give only within one and the same brand.",
        "The operator lets you give only to its own customers.",
        then="Choose someone with the same operator and brand, or see whether there is another"
        " way.",
    ),
    Code.GIFT_OTHER_ACCOUNT: _says(
        "{operator} lets you give only between lines of one account.",
        "Gifts are possible only between lines of one account.",
        then="Choose another line of your own account.",
    ),
    Code.GIFT_OTHER_BILLING_GROUP: _says(
        "{operator} lets you give only within one billing group.",
        "Gifts are possible only within one billing group.",
        then="Choose a line that is billed together with yours.",
    ),
    Code.GIFT_NOT_LINKED: _says(
        "{operator} lets you give only to numbers that are linked with your line.",
        "Gifts are possible only to numbers that are linked with your line.",
        then=(
            "Link the number with your line at {operator} first.",
            "Link the number with your line at your operator first.",
        ),
    ),
    Code.GIFT_TO_ONESELF: _says(
        "A gift goes to another line, not to the one that it comes from.",
        then="Choose another line.",
    ),
    Code.GIFT_PLAN_TYPE: _says(
        "{operator} allows gifts only between certain kinds of plan. Here it would have to be:"
        " {types}.",
        "{operator} allows gifts only between certain kinds of plan.",
        "Gifts are possible only between certain kinds of plan.",
        then="Choose a line on a plan of such a kind.",
    ),
    Code.GIFT_STEP: _says(
        "{operator} gives in steps of {step}, and {amount} is not a multiple of it.",
        "{operator} gives in steps of {step}.",
        "The amount is not a multiple of the operator's step.",
        then=("Choose a multiple of {step}.", "Choose another amount."),
    ),
    Code.GIFT_MINIMUM: _says(
        "{operator} lets you give {limit} or more at a time.",
        "The amount is smaller than the operator allows at a time.",
        then=("Choose {limit} or more.", "Choose a larger amount."),
    ),
    Code.GIFT_MAXIMUM: _says(
        "{operator} lets you give at most {limit} at a time.",
        "The amount is larger than the operator allows at a time.",
        then=("Choose {limit} or less.", "Choose a smaller amount."),
    ),
    Code.GIFT_SIZE: _says(
        "{operator} lets you give only these amounts: {sizes}.",
        "The operator lets you give only certain amounts.",
        then="Choose one of them.",
    ),
    Code.GIFT_SOURCE: _says(
        "{operator} lets you give only {classes}. Of what you have, that is {available}.",
        "{operator} lets you give only {classes}.",
        "The operator lets you give only certain kinds of allowance.",
        then=("Give {available} or less.",),
    ),
    Code.GIFT_EXCLUDED: _says(
        "{operator} does not let you give {classes}. Of what you have, {available} can be given.",
        "{operator} does not let you give {classes}.",
        "The operator does not let you give some kinds of allowance.",
        then=("Give {available} or less.",),
    ),
    Code.GIFT_REGIFT: _says(
        "{operator} does not let you pass on what was itself a gift. Of what you have, {available}"
        " can be given.",
        "{operator} does not let you pass on what was itself a gift.",
        "What was itself a gift cannot be passed on.",
        then=("Give {available} or less.",),
    ),
    Code.GIFT_KEEP: _says(
        "{operator} wants you to keep at least {limit} on your own line.",
        "The operator wants you to keep some of it on your own line.",
        then="Choose a smaller amount.",
    ),
}

_LIMITS: Mapping[Code, Sentence] = {
    Code.GIFT_CYCLE_SHARE: _says(
        "{operator} lets you give at most {limit} out of one cycle of your plan. {left} of that is"
        " left.",
        "{operator} lets you give at most {limit} out of one cycle of your plan.",
        "{operator} lets you give only a part of each cycle of your plan.",
        "The operator lets you give only a part of each cycle of your plan.",
        then="Choose a smaller amount, or wait for your next cycle.",
    ),
    Code.GIFT_COUNT_PER_DAY: _says(
        "{operator} lets you give at most {limit_times} a day.",
        "The operator lets you give only so many times a day.",
        then="Try again tomorrow.",
    ),
    Code.GIFT_COUNT_PER_MONTH: _says(
        "{operator} lets you give at most {limit_times} a month.",
        "The operator lets you give only so many times a month.",
        then="Try again next month.",
    ),
    Code.GIFT_VOLUME_PER_DAY: _says(
        "{operator} lets you give at most {limit} a day. {left} of that is left today.",
        "{operator} lets you give at most {limit} a day.",
        "The operator lets you give only so much a day.",
        then="Choose a smaller amount, or try again tomorrow.",
    ),
    Code.GIFT_VOLUME_PER_MONTH: _says(
        "{operator} lets you give at most {limit} a month. {left} of that is left this month.",
        "{operator} lets you give at most {limit} a month.",
        "The operator lets you give only so much a month.",
        then="Choose a smaller amount, or try again next month.",
    ),
    Code.GIFT_RECEIVED_PER_MONTH: _says(
        "{operator} lets a line receive at most {limit} a month.",
        "The receiver's operator lets a line receive only so much a month.",
        then="Choose a smaller amount, or try again next month.",
    ),
    Code.GIFT_LINE_TOO_YOUNG: _says(
        "{operator} lets a line give only once it is {days} old.",
        "The operator lets a line give only after a while.",
    ),
    Code.GIFT_YOUNG_LINE_VOLUME: _says(
        "{operator} lets a new line give at most {limit} a month. {left} of that is left.",
        "{operator} lets a line that is less than {days} old give at most {limit} a month.",
        "{operator} lets a new line give at most {limit} a month.",
        "The operator lets a new line give only a little.",
        then="Choose a smaller amount.",
    ),
    Code.GIFT_PENDING: _says(
        "{operator} allows only so many gifts to wait to be accepted at once: {limit}.",
        "The operator allows only so many gifts to wait to be accepted at once.",
        then="Wait until one is accepted, or take one back.",
    ),
    Code.GIFT_BLACKOUT: _says(
        "{operator} takes no gifts at this hour; it does again from {until}.",
        "{operator} takes no gifts at this hour.",
        "The operator takes no gifts at this hour.",
        then=("Try again from {until}.", "Try again later."),
    ),
    Code.GIFT_TOO_EARLY: _says(
        "{operator} lets you give only in the last days before what you have expires: from"
        " {since}.",
        "{operator} lets you give only in the last days before what you have expires.",
        "Gifts are possible only in the last days before what you have expires.",
        then=("Try again from {since}.",),
    ),
}

_NOTES: Mapping[Code, Sentence] = {
    Code.GIFT_FEE: _says(
        "{operator} charges {price} for each gift.",
        "{operator} charges a fee for each gift.",
        "The operator charges a fee for each gift.",
    ),
    Code.GIFT_IRREVERSIBLE: _says(
        "With {operator}, a gift cannot be taken back once it has arrived.",
        "A gift cannot be taken back once it has arrived.",
        then="Check the amount and the receiver before you give.",
    ),
    Code.GIFT_EXPIRES_UNCLAIMED: _says(
        "What you are giving can be used until {until}. If nobody accepts it by then, it is lost"
        " for you too.",
        "If nobody accepts it in time, it expires and is lost for you too.",
        then="Tell the receiver, so that it is accepted in time.",
        ends="until",
    ),
    Code.LAW_PAID_VALUE_EXPIRY: _says(
        "By law, what was bought with money can be used for at most {days} from when it was first"
        " sold. Here that is until {until}.",
        "By law, what was bought with money can be used for at most {days} from when it was first"
        " sold.",
        "By law, what was bought with money can be used only for a limited time.",
        ends="until",
    ),
}

_GIFTS: Mapping[Code, Sentence] = {
    Code.LINK_UNKNOWN: _says(
        "There is nothing behind this link: it has ended, or it never was.",
        then="Check that you have the whole link, or ask whoever sent it for another.",
    ),
    Code.LINK_TAKEN: _says(
        "You have taken a share of this link already. Everyone gets one.",
        then="Look at your list of gifts.",
    ),
    Code.LINK_ENDED: _says(
        "This link has ended already, and what nobody took is back on your line.",
        then="Post another one.",
    ),
    Code.LINK_TOO_MANY_SHARES: _says(
        "There are too many shares: the amount is enough for {limit}, each of at least {least}.",
        "There are too many shares.",
        then="Choose fewer shares, or a larger amount.",
    ),
    Code.LINK_OTHER_OPERATOR: _says(
        "Whoever posted this link wants it to be for customers of {operator}.",
        "Whoever posted this link wants it to be for customers of one operator.",
        then="Take it with a line of that operator.",
    ),
    Code.LINK_CONTACTS_ONLY: _says(
        "Whoever posted this link wants it to be for people whose number they have.",
        then="Ask them to put your number among their contacts.",
    ),
    Code.LINK_LINE_TOO_YOUNG: _says(
        "Whoever posted this link wants it to be for lines that are at least {days} old.",
        "Whoever posted this link wants it to be for lines that are older.",
        then="Take it with a line that you have had for longer.",
    ),
    Code.LINK_SHARES_PER_DAY: _says(
        "One person can take at most {limit} shares of links in 24 hours.",
        "One person can take only so many shares of links in 24 hours.",
        then="Leave this one to somebody else, or come back tomorrow.",
    ),
    Code.PASSCODE_MISSING: _says(
        "A link for those who know a passcode needs one.",
        then="Enter the passcode.",
    ),
    Code.PASSCODE_WRONG: _says(
        "That is not the passcode. You can try {left_times} more.",
        "That is not the passcode.",
        then="Ask whoever sent the link.",
    ),
    Code.PASSCODE_CLOSED: _says(
        "The passcode was wrong too often, so this link is closed to you.",
        then="Ask whoever sent it to give you something in another way.",
    ),
    Code.DEADLINE_PAST: _says(
        "The end is in the past.",
        then="Choose an end that is still to come.",
    ),
    Code.GIFT_REQUEST_UNKNOWN: _says(
        "Nobody asks for anything here: it has ended, or it never was.",
        then="Check that you have the whole link, or ask whoever sent it for another.",
    ),
    Code.GIFT_REQUEST_ENDED: _says(
        "This request has ended already.",
        then="Ask again if you need more.",
    ),
    Code.GIFT_REQUEST_TOO_MUCH: _says(
        "Only {left} is still asked for.",
        "Less than that is still asked for.",
        then=("Give {left} or less.", "Give less."),
    ),
    Code.GIFT_THANKED: _says(
        "You have said thank you for this gift already.",
        then="Look at your list of gifts.",
    ),
    Code.GIFT_UNKNOWN: _says("We do not know this gift.", then="Look at your list of gifts."),
    Code.GIFT_NOT_YOURS: _says(
        "Only the receiver can accept or decline a gift, and only the giver can take it back.",
        then="Look at your list of gifts.",
    ),
    Code.GIFT_ENDED: _says(
        "Nothing more can be done with this gift: {state}.",
        "This cannot be done with the gift as it stands now.",
        then="Look at your list of gifts.",
    ),
    Code.GIFT_EXPIRED: _says(
        "This gift could be accepted until {deadline}. What it held is back with its giver.",
        "The time to accept this gift is over. What it held is back with its giver.",
        then="Ask the giver to offer it again.",
        ends="deadline",
    ),
    Code.NOTICE_UNKNOWN: _says(
        "We do not know this notice, or it is of a month that is over.",
        then="Look at what is left on your lines.",
    ),
    Code.INSTEAD_AMOUNT: _says("{amount} would work.", "Another amount would work."),
    Code.INSTEAD_FROM: _says("It would work from {since}.", "It would work later."),
    Code.INSTEAD_SERVICE: _says(
        "{operator} offers another way: {service}.",
        "There is another way.",
    ),
    Code.INSTEAD_LINE: _says(
        "It would work with your line {label}.",
        "It would work with another line of yours.",
    ),
    Code.INSTEAD_NEW_LINE: _says(
        "It would work with a new line of {operator}, such as an eSIM beside the one you have.",
        "It would work with a new line of the giver's operator.",
    ),
}

_POOLS: Mapping[Code, Sentence] = {
    Code.POOL_UNKNOWN: _says("We do not know this pool.", then="Look at your list of pools."),
    Code.POOL_NOT_YOURS: _says(
        "Only the owner of a pool decides this, or whoever manages it.",
        then="Ask the owner of the pool.",
    ),
    Code.POOL_NOT_OFFERED: _says(
        "As far as is known, {operator} lets no lines on this plan share a pool.",
        "As far as is known, lines on this plan cannot share a pool.",
        then="See whether something can be given instead.",
    ),
    Code.POOL_OTHER_OPERATOR: _says(
        "The pool is one of {operator}, and the line is with {other}.",
        "The pool and the line are with different operators.",
        then="Choose a line of the pool's operator.",
    ),
    Code.POOL_OTHER_ACCOUNT: _says(
        "{operator} lets only lines of one account share a pool.",
        "Only lines of one account can share a pool.",
        then="Choose a line of your own account.",
    ),
    Code.POOL_FULL: _says(
        "{operator} lets at most {limit} lines share a pool.",
        "No more lines can share this pool.",
        then="Remove a line from the pool first.",
    ),
    Code.POOL_SOURCE: _says(
        "{operator} lets you put only {classes} into a pool. Of what you have, {available} can be"
        " put in.",
        "{operator} lets you put only {classes} into a pool.",
        "Only some of what a line has can be put into a pool.",
        then="Put in {available} or less.",
    ),
    Code.POOL_MEMBER_ALREADY: _says(
        "This line draws on a pool already, and a line draws on one pool only.",
        then="Let it leave the other pool first.",
    ),
    Code.POOL_MEMBER_UNKNOWN: _says(
        "This line does not draw on this pool.",
        then="Look up which lines do.",
    ),
    Code.POOL_OWNER_STAYS: _says(
        "The owner of an open pool cannot leave it.",
        then="Hand the pool over to a member first, or close it.",
    ),
    Code.POOL_OWNER_FILLS: _says(
        "Only its owner puts something into this pool.",
        then="Ask the owner of the pool.",
    ),
    Code.POOL_NOT_HANDED_OVER: _says(
        "This pool is not offered to you.",
        then="Ask its owner to hand it over to you.",
    ),
    Code.INVITATION_UNKNOWN: _says(
        "We know no invitation of this kind that is open for this line.",
        then="Ask whoever invited you for a new one, or choose the line that was invited.",
    ),
}

_TANKS: Mapping[Code, Sentence] = {
    Code.TANK_UNKNOWN: _says("We do not know this tank.", then="Look at the list of tanks."),
    Code.TANK_CLOSED: _says(
        "This tank has been closed since {since}.",
        "This tank is closed.",
        then="Look at the list of tanks.",
    ),
    Code.TANK_NOT_OFFERED: _says(
        "As far as is known, {operator} has no common tank for lines on this plan.",
        "As far as is known, there is no common tank for lines on this plan.",
        then="See whether something can be given instead.",
    ),
    Code.TANK_OTHER_OPERATOR: _says(
        "A tank of {operator} is for its own customers, not for those of {other}.",
        "The tank and the line are with different operators.",
        then="Choose a line of the tank's operator.",
    ),
    Code.TANK_NOT_YET: _says(
        "{operator} lets lines draw on its tank only in the last days of a month: next from"
        " {since}.",
        "{operator} lets lines draw on its tank only in the last days of a month.",
        "Lines can draw on this tank only in the last days of a month.",
        then=("Try again from {since}.", "Try again later in the month."),
    ),
    Code.TANK_DRAWS_PER_MONTH: _says(
        "{operator} lets a line draw on its tank at most {limit_times} a month.",
        "A line can draw on this tank only so many times a month.",
        then=("Try again from {since}.", "Try again next month."),
    ),
    Code.TANK_VOLUME_PER_MONTH: _says(
        "{operator} lets a line draw at most {limit} a month from its tank. {left} of that is left"
        " this month.",
        "{operator} lets a line draw at most {limit} a month from its tank.",
        "A line can draw only so much a month from this tank.",
        then=("Draw {left} or less.", "Try again from {since}.", "Try again next month."),
    ),
    Code.TANK_LEFT: _says(
        "{operator} lets a line draw on this tank only when at most {limit} is left on it."
        " {available} is left on yours.",
        "{operator} lets a line draw on this tank only when at most {limit} is left on it.",
        "A line can draw on this tank only when little is left on it.",
        then="Try again when less is left.",
    ),
    Code.TANK_NET_TAKER: _says(
        "{operator} lets a line that has drawn more than it gave draw only when at most {limit} is"
        " left on it. {available} is left on yours.",
        "{operator} lets a line that has drawn more than it gave draw only when at most {limit} is"
        " left on it.",
        "A line that has drawn more than it gave can draw only when little is left on it.",
        then="Try again when less is left, or give something to the tank first.",
    ),
    Code.TANK_OUT_OF_AREA: _says(
        "This tank is for lines that {operator} knows to be in {area}.",
        "This tank is for lines that {operator} knows to be where the emergency is.",
        "This tank is for lines where the emergency is.",
        then=("Ask {operator} to record where you are.", "Ask your operator to record it."),
    ),
    Code.TANK_NOT_ENOUGH: _says(
        "There is {available} in this tank, which is less than {amount}.",
        "There is less than that in this tank.",
        then=("Draw {available} or less.", "Draw less."),
    ),
    Code.TANK_EMPTY: _says(
        "There is nothing in this tank now.",
        then="Look again later: whatever anyone gives is there at once.",
    ),
    Code.TANK_FOR_ALL: _says(
        "What goes into a tank is for everyone of {operator}: nobody chooses who draws it, and it"
        " does not come back.",
        "What goes into a tank is for everyone: it does not come back.",
    ),
    Code.TANK_OPEN_ALREADY: _says(
        "{operator} has such a tank open already.",
        "There is such a tank already.",
        then="Extend or close that one.",
    ),
    Code.TANK_NOT_EXTENDABLE: _says(
        "{operator} does not let this tank be open for longer.",
        "This tank cannot be open for longer.",
        then="Open another one when it has closed.",
    ),
    Code.TANK_OPEN_DAYS: _says(
        "{operator} lets such a tank be open for at most {days} at a time.",
        "Such a tank can be open only for so many days at a time.",
        then="Choose an earlier end, after now; it may be extended later.",
    ),
    Code.AREA_UNREADABLE: _says(
        "“{text}” is not an area that we can read.",
        "The area cannot be read.",
        then="Write it as ISO 3166-2 does, such as JP-17.",
    ),
}

_DELEGATIONS: Mapping[Code, Sentence] = {
    Code.LAW_LINE_HANDING: _says(
        "The law lets nobody hand a line with voice to somebody else without the consent of"
        " {operator}: the contract stays with its holder, whoever acts on it.",
        "The law lets nobody hand a line with voice to somebody else without the consent of its"
        " operator.",
    ),
    Code.DELEGATION_UNKNOWN: _says(
        "There is no such permission.",
        then="Look at your list, or ask whoever wanted to give it to you.",
    ),
    Code.DELEGATION_ENDED: _says(
        "This permission has ended already.",
        then="Look at your list to see what is still in force.",
    ),
    Code.DELEGATION_TO_ONESELF: _says(
        "It is your own line: you need no permission to act on it.",
        then="Choose another person.",
    ),
    Code.DELEGATION_TIME: _says(
        "A permission begins before it ends, ends later than now, and lasts at most {days}.",
        "A permission begins before it ends, ends later than now, and does not last for ever.",
        then="Choose another time.",
    ),
    Code.DELEGATION_NOT_OFFERED: _says(
        "{operator} does not let anybody else act on a line.",
        "The operator does not let anybody else act on a line.",
        then="See whether something can be given instead.",
    ),
    Code.DELEGATION_RULES_UNKNOWN: _says(
        "It is not known whether {operator} lets somebody else act on a line.",
        "It is not known whether the operator lets somebody else act on a line.",
        then="See whether something can be given instead.",
    ),
    Code.DELEGATION_SCOPE_NOT_OFFERED: _says(
        "{operator} lets somebody else do only some things with a line, and not all of these.",
        "The operator lets somebody else do only some things with a line, and not all of these.",
        then="Allow less.",
    ),
    Code.DELEGATION_OTHER_OPERATOR: _says(
        "Only a line of {operator} can use up data of a line of {operator}.",
        "Only a line of the same operator can use up data of another line.",
        then="Choose a line of that operator.",
    ),
    Code.DELEGATION_LINE_NEEDED: _says(
        "It is not said which of your lines shall use the data.",
        then="Choose one of your lines.",
    ),
    Code.DELEGATION_CAP: _says(
        "Of what its owner lets you give, {available} is left.",
        "It is more than the owner of the line lets you give.",
        then=("Give {available} or less.", "Ask the owner of the line."),
    ),
    Code.TERMS_CHANGED: _says(
        "These are not the terms that you have read: something in them has changed.",
        then="Read them as they are now, and agree again.",
    ),
    Code.TERMS_NOT_AGREED: _says(
        "Nothing is done before you agree to the terms.",
        then="Read them, and say that you agree.",
    ),
}

_MACHINE: Mapping[Code, Sentence] = {
    Code.SETTING_INVALID: _says(
        "The setting {setting} must be {expected}.",
        "A setting cannot be understood.",
        then="Correct it or leave it out.",
    ),
    Code.HOMES_FIXED: _says(
        "The database has {homes} homes already, or somebody lives in it: the number is chosen"
        " once, before anything else.",
        "The number of homes is chosen once, before anything else.",
        then="Use the database as it is, or start with an empty one.",
    ),
    Code.DATABASE_UNAVAILABLE: _says(
        "Yuzuri cannot reach its database at this moment.",
        then="Please try again in a moment.",
    ),
    Code.INTERNAL: _says(
        "Something went wrong on our side.",
        then="Please try again. If it happens again, tell the people who run this service.",
    ),
}

SENTENCES: Mapping[Code, Sentence] = {
    **_REQUESTS,
    **_PEOPLE,
    **_BALANCES,
    **_RULES,
    **_LIMITS,
    **_NOTES,
    **_GIFTS,
    **_POOLS,
    **_TANKS,
    **_DELEGATIONS,
    **_MACHINE,
}
"""One entry for every code."""

CLASSES: Mapping[str, tuple[str, str]] = {
    "base": ("the plan's own data", "what the plan itself gives"),
    "carried_over": ("carried-over data", "what was carried over"),
    "bought": ("data that was bought extra", "what was bought extra"),
    "bonus": ("bonus data", "bonuses"),
    "received": ("data that was itself a gift", "what was itself a gift"),
    "night": ("night data", "night bundles"),
    "daily": ("daily bundles", "daily bundles"),
}
"""The kinds of allowance that rules name: how they are called of data, and of anything."""

PLAN_TYPES: Mapping[str, str] = {
    "prepaid": "prepaid",
    "postpaid": "postpaid",
    "hybrid": "hybrid",
    "nxt_lvl_prepaid": "NXT LVL prepaid",
    "nxt_lvl_hybrid": "NXT LVL hybrid",
    "broadband_hybrid": "broadband hybrid",
    "broadband_postpaid": "broadband postpaid",
    "data_only": "data only",
    "voice_data": "voice and data",
    "mobile": "mobile",
    "home": "home internet",
    "home_wifi": "prepaid home Wi-Fi",
    "company_postpaid": "a company's postpaid",
    "giga_plan": "GigaPlan",
    "data_gift": "a plan with Data Gift",
}
"""The words by which profiles tell plans apart; one that is not here is said as it is."""

STATES: Mapping[str, str] = {
    "accepted": "it was accepted",
    "declined": "it was declined",
    "cancelled": "its giver took it back",
    "expired": "nobody accepted it in time",
}
"""What became of a gift."""

EXPECTED: frozenset[str] = frozenset(
    [
        "1 or 0",
        "a PEM with a certificate, whose private key YUZURI_TLS_KEY holds unencrypted",
        "a PEM with the certificates of authorities",
        "a PostgreSQL URL such as postgresql://user:password@host:5432/yuzuri",
        "a file that exists",
        "a folder",
        "a folder of a user that exists",
        "a folder, not a file",
        "a whole number from 0 to 9",
        "a whole number from 1 to 65535",
        "an origin such as https://yuzuri.example",
        "en, ja or zh",
        "given together with YUZURI_DATABASE_URL",
        "given together with YUZURI_DEMO=1",
        "given together with YUZURI_TLS_CERTIFICATE and YUZURI_TLS_KEY",
        "given, as its other half is",
    ]
)
"""What a setting must be, in the words of `yuzuri.settings`; anything else is said as it is."""

STATEMENT_FAULTS: Mapping[str, str] = {
    "unreadable": "This is not a statement that can be read: {problem}",
    "version": "The statement has version {version}; this program reads version {known}.",
    "home": "Line {line} does not live in home {home}.",
    "rootless": "The first page of all follows a page, which cannot be.",
    "beginning": "The statement begins with page {page}, which is older than it says.",
    "headers": "The headers of the pages are not whole.",
    "head": "The pages do not lead to the digest that the statement ends with: {head}.",
    "page": "Transfer {place}: its page is not there.",
    "time": "Transfer {place} was not written at the time that it says.",
    "order": "Transfer {place} is not where it belongs in the order, or is there twice.",
    "other_line": "Transfer {place} is not one of line {line}.",
    "period": "Transfer {place} is not within the time of the statement.",
    "not_written": "Transfer {place} is not what was written.",
    "terms": "Allowance {allowance}: its terms are not there.",
    "twice": "Allowance {allowance} is listed twice.",
    "start": "The statement goes back to the beginning, but does not start from nothing.",
    "overdrawn": "Allowance {allowance}: with transfer {place} the line gives more than it had.",
    "balance": "Allowance {allowance}: the transfers lead to {amount}, not to {said} as it says.",
}
"""What can be wrong with a statement of a line, by the names of `yuzuri.ledger.statement`."""
