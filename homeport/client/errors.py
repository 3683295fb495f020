"""Every way in which a call of the API fails.

HomeportError
├── CallRefused         the API does not do what it was asked for
│   ├── InvalidCall     400, 413, 415: the call makes no sense; ``fields`` say why
│   ├── UnknownKey      401: the API key is missing, expired or not known
│   ├── Forbidden       403: the key may not do this
│   ├── NotFound        404: there is no such object in this account
│   ├── Conflict        409: somebody has it already, or does it just now
│   ├── Gone            410: it has just been deleted
│   ├── TooManyCalls    429: wait for ``retry_after`` seconds
│   └── ServerFault     5xx: nothing has been done, or nobody knows
├── InvalidAnswer       what answers is no API of ours
├── SocketClosed        the WebSocket of a channel has ended; ``code`` says why
└── Unavailable         nobody answers
"""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ValidationError

from homeport.errors import HomeportError, Unavailable

LONGEST_WORD = 200
"""Characters of an answer in plain text that are told."""

__all__ = [
    "CallRefused",
    "Conflict",
    "Forbidden",
    "Gone",
    "InvalidAnswer",
    "InvalidCall",
    "NotFound",
    "ServerFault",
    "SocketClosed",
    "TooManyCalls",
    "Unavailable",
    "UnknownKey",
]


class CallRefused(HomeportError):
    """The API does not do what it was asked for.

    ``kind`` is the API's word for the reason, ``fields`` are wrong members and what is
    wrong with each, ``request_id`` is what the operator finds the call by.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "",
        fields: Mapping[str, str] | None = None,
        request_id: str = "",
        retry_after: float | None = None,
    ) -> None:
        self.status = status
        self.message = message
        self.kind = kind
        self.fields = fields or {}
        self.request_id = request_id
        self.retry_after = retry_after
        super().__init__(f"the API answered {status}: {message}")


class InvalidCall(CallRefused):
    """The call makes no sense."""


class UnknownKey(CallRefused):
    """The API key is missing, expired or not known."""


class Forbidden(CallRefused):
    """The key may not do this."""


class NotFound(CallRefused):
    """There is no such object in this account."""


class Conflict(CallRefused):
    """Somebody has it already, or does it just now."""


class Gone(CallRefused):
    """It has just been deleted."""


class TooManyCalls(CallRefused):
    """The key calls too often."""


class ServerFault(CallRefused):
    """The API cannot do it now."""


class InvalidAnswer(HomeportError):
    """What answers is no API of ours."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the answer is none of a Homeport API: {reason}")


class SocketClosed(HomeportError):
    """The WebSocket of a channel has ended (R-114)."""

    def __init__(self, code: int, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(f"the WebSocket was closed with {code} {reason}".rstrip())


_BY_STATUS: Mapping[int, type[CallRefused]] = {
    400: InvalidCall,
    401: UnknownKey,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    413: InvalidCall,
    415: InvalidCall,
    429: TooManyCalls,
}

_FIRST_FAULT = 500


class _Fault(BaseModel):
    name: str = ""
    field: str = ""
    message: str = ""


class _Problem(BaseModel):
    type: str = ""
    message: str
    request_id: str = ""
    fields: Sequence[_Fault] = ()


def refused(
    status: int, body: bytes, *, request_id: str = "", retry_after: float | None = None
) -> CallRefused:
    """Make the error of an answer: JSON (R-9), or a bare word (R-12)."""
    fault = ServerFault if status >= _FIRST_FAULT else CallRefused
    made = _BY_STATUS.get(status, fault)
    try:
        problem = _Problem.model_validate_json(body)
    except ValidationError:
        word = body.decode(errors="replace").strip()[:LONGEST_WORD]
        return made(
            status,
            word or "nothing was said",
            kind=word,
            request_id=request_id,
            retry_after=retry_after,
        )
    return made(
        status,
        problem.message,
        kind=problem.type,
        fields={each.name or each.field: each.message for each in problem.fields},
        request_id=problem.request_id or request_id,
        retry_after=retry_after,
    )
