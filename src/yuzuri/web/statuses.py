"""The HTTP status of a page that says a code."""

from yuzuri.kernel.errors import Code

_STATUS = {
    Code.PATH_UNKNOWN: 404,
    Code.GIFT_UNKNOWN: 404,
    Code.NOTICE_UNKNOWN: 404,
    Code.LINE_UNKNOWN: 404,
    Code.TANK_UNKNOWN: 404,
    Code.POOL_UNKNOWN: 404,
    Code.POOL_MEMBER_UNKNOWN: 404,
    Code.INVITATION_UNKNOWN: 404,
    Code.LINK_UNKNOWN: 404,
    Code.DELEGATION_UNKNOWN: 404,
    Code.DELEGATION_ENDED: 409,
    Code.TERMS_CHANGED: 409,
    Code.TERMS_NOT_AGREED: 422,
    Code.LINK_TAKEN: 409,
    Code.LINK_ENDED: 409,
    Code.GIFT_REQUEST_UNKNOWN: 404,
    Code.GIFT_REQUEST_ENDED: 409,
    Code.TOO_MANY_TRIES: 429,
    Code.LINE_NOT_YOURS: 403,
    Code.GIFT_NOT_YOURS: 403,
    Code.POOL_NOT_YOURS: 403,
    Code.METHOD_NOT_ALLOWED: 405,
    Code.KEY_REUSED: 409,
    Code.REQUEST_IN_FLIGHT: 409,
    Code.REQUEST_BUSY: 503,
    Code.DATABASE_UNAVAILABLE: 503,
    Code.INTERNAL: 500,
}


def status_of(code: Code) -> int:
    """Return the status of a page whose matter is this code: 400 unless it is another one."""
    return _STATUS.get(code, 400)
