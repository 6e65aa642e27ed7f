"""Counters as TS 29.594 has them told: in the answer to a subscription, and in a notification."""

from collections.abc import Mapping
from datetime import datetime

import msgspec
from msgspec import UNSET, Struct, UnsetType

from yuzuri.charging.spending_limit_store import CounterNotification
from yuzuri.charging.spending_limits import CounterStatus, Subscription


class PolicyCounterInfo(Struct, frozen=True, rename="camel"):
    """The status of one counter."""

    policy_counter_id: str
    current_status: str


class SpendingLimitStatus(Struct, frozen=True, rename="camel"):
    """The statuses of some counters of a subscription, by counter."""

    status_infos: dict[str, PolicyCounterInfo]
    supi: str | UnsetType = UNSET
    notif_id: str | UnsetType = UNSET
    expiry: datetime | UnsetType = UNSET
    supported_features: str | UnsetType = UNSET


def tell_statuses(
    subscription: Subscription, statuses: Mapping[str, CounterStatus]
) -> SpendingLimitStatus:
    """Say statuses to whom a subscription is of."""
    return SpendingLimitStatus(
        {counter: PolicyCounterInfo(counter, status) for counter, status in statuses.items()},
        supi=subscription.supi or UNSET,
        notif_id=subscription.notify_id or UNSET,
        expiry=subscription.expires_at,
    )


def counter_message(notification: CounterNotification) -> tuple[str, bytes]:
    """Return where a notification is to be sent (POST), and its JSON."""
    subscription = notification.subscription
    told = tell_statuses(subscription, notification.changed)
    uri = subscription.notify_uri.rstrip("/") + "/notify"
    return uri, msgspec.json.encode(told)
