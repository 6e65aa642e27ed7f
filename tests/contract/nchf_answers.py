"""What every answer of ours looks like: written by us, and checked wherever these tests run.

Stricter than the official description (`official.py`), which leaves nearly everything open: nothing
is answered that is not meant to be, and numbers keep within 31 bits where networks count in those.
"""

from typing import Any

import httpx
from jsonschema import Draft202012Validator
from tests.contract.official import assert_as_described

DESCRIPTION = "3gpp/TS32291_Nchf_ConvergedCharging.yaml"
COMMON = "3gpp/TS29571_CommonData.yaml"

UINT32 = {"type": "integer", "minimum": 0, "maximum": 2**32 - 1}
INT31 = {"type": "integer", "minimum": 1, "maximum": 2**31 - 1}
TRIGGER_TYPES = ["QUOTA_EXHAUSTED", "QUOTA_THRESHOLD", "VALIDITY_TIME", "QHT"]


def closed(required: list[str], **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


INFORMATION = closed(
    ["ratingGroup", "resultCode"],
    ratingGroup=UINT32,
    resultCode={
        "enum": [
            "SUCCESS",
            "QUOTA_LIMIT_REACHED",
            "QUOTA_MANAGEMENT_NOT_APPLICABLE",
            "RATING_FAILED",
        ]
    },
    grantedUnit=closed([], totalVolume=INT31, time=INT31, serviceSpecificUnits=INT31)
    | {"minProperties": 1, "maxProperties": 1},
    triggers={
        "type": "array",
        "minItems": 1,
        "items": closed(
            ["triggerType", "triggerCategory"],
            triggerType={"enum": TRIGGER_TYPES},
            triggerCategory={"const": "IMMEDIATE_REPORT"},
        ),
    },
    validityTime=INT31,
    quotaHoldingTime=INT31,
    volumeQuotaThreshold=INT31,
    timeQuotaThreshold=INT31,
    finalUnitIndication=closed(["finalUnitAction"], finalUnitAction={"const": "TERMINATE"}),
    uPFID={"type": "string"},
)
RESPONSE = Draft202012Validator(
    closed(
        ["invocationTimeStamp", "invocationSequenceNumber"],
        invocationTimeStamp={
            "type": "string",
            "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?Z$",
        },
        invocationSequenceNumber=UINT32,
        multipleUnitInformation={"type": "array", "minItems": 1, "items": INFORMATION},
    )
)
PROBLEM = Draft202012Validator(
    closed(
        ["status", "title", "detail"],
        status={"type": "integer", "minimum": 400, "maximum": 599},
        title={"type": "string"},
        detail={"type": "string"},
        cause={"type": "string", "pattern": "^[A-Z_]+$"},
        invalidParams={
            "type": "array",
            "minItems": 1,
            "items": closed(
                ["param", "reason"],
                param={"type": "string", "pattern": "^/"},
                reason={"type": "string"},
            ),
        },
    )
)


def check_answer(answer: httpx.Response) -> None:
    """Check an answer by our own schema, and by the official description where that is."""
    status, kind = answer.status_code, answer.headers.get("content-type")
    if status in {200, 201}:
        assert kind == "application/json"
        RESPONSE.validate(answer.json())
        assert_as_described(DESCRIPTION, "/components/schemas/ChargingDataResponse", answer.json())
        assert ("location" in answer.headers) is (status == 201)
    elif status == 204:
        assert answer.content == b""
        assert kind is None
    else:
        assert kind == "application/problem+json"
        PROBLEM.validate(answer.json())
        assert_as_described(COMMON, "/components/schemas/ProblemDetails", answer.json())
        assert answer.json()["status"] == status
        assert ("www-authenticate" in answer.headers) is (status in {401, 403})
        assert ("retry-after" in answer.headers) is (status == 503)
