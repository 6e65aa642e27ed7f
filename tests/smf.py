"""Messages as session management functions send them: one by the book, and free5GC's."""

from datetime import UTC, datetime, timedelta
from typing import Any

SENT = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
UPF = "5c1e4b0a-6f0d-4d6e-9a6b-3f1f0f4f8f11"

DATA, OWN_PAGES, VOICE, MESSAGES, UNKNOWN = 1, 100, 200, 300, 4_000_000_000
"""Rating groups of the table that comes with Yuzuri."""

Body = dict[str, Any]


def at(seconds: float = 0) -> str:
    """Return a time so many seconds after the first message was sent."""
    return (SENT + timedelta(seconds=seconds)).isoformat()


def message(number: int = 0, *usage: Body, sent: str = "", **more: Any) -> Body:
    """Return a message with what has to be in every one, and parts about rating groups."""
    body: Body = {
        "nfConsumerIdentification": {"nodeFunctionality": "SMF"},
        "invocationTimeStamp": sent or at(number),
        "invocationSequenceNumber": number,
        "subscriberIdentifier": "imsi-440101234567890",
    }
    if usage:
        body["multipleUnitUsage"] = list(usage)
    return body | more


def usage(group: int = DATA, *used: Body, wants: Body | None = None, **more: Any) -> Body:
    """Return the part about a rating group: what was used of it, and what is wanted next."""
    body: Body = {"ratingGroup": group}
    if used:
        body["usedUnitContainer"] = list(used)
    if wants is not None:
        body["requestedUnit"] = wants
    return body | more


def used(total: int | None = None, **more: Any) -> Body:
    """Return a report of bytes."""
    body: Body = {"localSequenceNumber": 0} | more
    return body if total is None else body | {"totalVolume": total}


def free5gc(*usage: Body, sent: str, notify: str = "http://127.0.0.2:8000") -> Body:
    """Return a message of the free5GC SMF: never numbered, and its name is no UUID.

    Its times have nine digits of a second and the offset of its clock.
    """
    body: Body = {
        "chargingId": 1,
        "subscriberIdentifier": "imsi-440101234567890",
        "nfConsumerIdentification": {
            "nFName": "SMF",
            "nFIPv4Address": "127.0.0.2",
            "nodeFunctionality": "SMF",
        },
        "invocationTimeStamp": sent,
        "invocationSequenceNumber": 0,
        "notifyUri": f"{notify}/nsmf-callback/notify_urn:uuid:8f3b",
        "pDUSessionChargingInformation": {
            "chargingId": 1,
            "userInformation": {"servedGPSI": "msisdn-819012345678", "servedPEI": "imeisv-1"},
            "pduSessionInformation": {
                "pduSessionID": 1,
                "networkSlicingInfo": {"sNSSAI": {"sst": 1, "sd": "010203"}},
                "pduType": "IPV4",
                "dnnId": "internet",
                "servingNetworkFunctionID": {
                    "servingNetworkFunctionInformation": {"nodeFunctionality": "AMF"}
                },
            },
        },
    }
    if usage:
        body["multipleUnitUsage"] = list(usage)
        body["triggers"] = [
            one for part in usage for one in part["usedUnitContainer"][0]["triggers"]
        ]
    return body


def free5gc_usage(total: int, triggered: str, *, method: str = "ONLINE_CHARGING") -> Body:
    """Return what free5GC says of a rating group: all volumes, and a request for 1000 bytes.

    It leaves a volume of 0 out. Where it only records use it asks for an empty quota.
    """
    container: Body = {
        "localSequenceNumber": 0,
        "quotaManagementIndicator": method,
        "triggers": [{"triggerType": "QUOTA_THRESHOLD", "triggerCategory": "IMMEDIATE_REPORT"}],
        "triggerTimestamp": triggered,
    }
    if total:
        down = total // 2
        container |= {
            "downlinkVolume": down, "uplinkVolume": total - down, "totalVolume": total,
        }  # fmt: skip
    wants = dict.fromkeys(("totalVolume", "uplinkVolume", "downlinkVolume"), 1000)
    return {
        "ratingGroup": DATA,
        "uPFID": UPF,
        "requestedUnit": wants if method == "ONLINE_CHARGING" else {},
        "usedUnitContainer": [container],
    }
