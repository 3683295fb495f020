"""What comes of a renewal: what a device has answered, or why it has not."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from homeport.errors import InvalidFormat
from homeport.events.facts import RequestCompleted, RequestOutcome
from homeport.names import AccountId
from homeport.protocol import certificate_renewals
from homeport.protocol.certificate_renewals import SUCCESS
from services.directory.storable import storable

_PREFIX = "renewal-"
"""Begins the ids of the device requests that ask for renewals."""

LOST = "the request was lost"

_SUCCEEDED = "2"
"""Begins the codes of what a device has done."""

_UNANSWERED: Mapping[RequestOutcome, str] = {
    RequestOutcome.EXPIRED: "the device has not come for the request in time",
    RequestOutcome.REMOVED: "the registration of the device ended before",
    RequestOutcome.BLOCKED: "the device was suspended before",
    RequestOutcome.TIMEOUT: "the device did not answer",
    RequestOutcome.UNREACHABLE: "the device could not be reached",
    RequestOutcome.DISCONNECTED: "the device could not be reached",
}


class EnrollResult(StrEnum):
    """How a renewal has ended."""

    SUCCESS = "success"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Ended:
    """An enrollment that is over; there is a ``detail`` where it has failed."""

    account: AccountId
    enrollment: str
    result: EnrollResult
    detail: str | None
    time: datetime


def request_id(enrollment: str) -> str:
    """Return the id of the request that an enrollment is asked for with."""
    return f"{_PREFIX}{enrollment}"


def enrollment_of(request: str) -> str:
    """Return the enrollment that a request asks for; '' for any other request."""
    return request.removeprefix(_PREFIX) if request.startswith(_PREFIX) else ""


def ended(fact: RequestCompleted) -> Ended | None:
    """Return what a fact says of an enrollment; None where it is of none."""
    enrollment = enrollment_of(fact.request_id)
    if not enrollment:
        return None
    detail = _failure(fact)
    result = EnrollResult.SUCCESS if detail is None else EnrollResult.FAILURE
    account = AccountId(fact.account_id)
    return Ended(account, enrollment, result, detail, fact.time)


def _failure(fact: RequestCompleted) -> str | None:
    if fact.outcome in _UNANSWERED:
        return _UNANSWERED[fact.outcome]
    if not fact.code.startswith(_SUCCEEDED):
        return storable(f"the device answered {fact.code or 'nothing'}")
    try:
        payload = base64.b64decode(fact.payload, validate=True)
        answered = certificate_renewals.parse_result(payload)
    except (InvalidFormat, binascii.Error):
        return "the device did not say what came of it"
    if answered == SUCCESS:
        return None
    return f"the device says: {certificate_renewals.meaning(answered)}"
