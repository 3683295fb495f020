"""Calls of the API as values: what is asked, and how the answer is read.

Nothing here talks: a shell sends what a call says and hands over what comes back.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar
from urllib.parse import quote

from pydantic import ValidationError

from homeport.client.errors import InvalidAnswer, refused
from homeport.client.queries import Asked, build
from homeport.client.records import Page, Record

Result = TypeVar("Result")
Kept = TypeVar("Kept", bound=Record)

REQUEST_ID = "x-request-id"
RETRY_AFTER = "retry-after"

_FIRST_REFUSAL = 300


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; the names of ``headers`` are in lower case."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def retry_after(self) -> float | None:
        """The seconds after which to ask again, if they were told as a number."""
        told = self.headers.get(RETRY_AFTER, "")
        return float(told) if told.isascii() and told.isdigit() else None


@dataclass(frozen=True, slots=True)
class Call(Generic[Result]):
    """A call, and how its answer is read.

    ``body`` becomes JSON, ``file`` is the name and the content of an uploaded one.
    ``seconds`` is how long the API may hold the answer back on purpose.
    """

    method: str
    path: str
    read: Callable[[Answer], Result]
    query: Mapping[str, str] = field(default_factory=dict)
    body: object = field(default=None, repr=False)
    file: tuple[str, bytes] | None = field(default=None, repr=False)
    seconds: float = 0.0

    def receive(self, answer: Answer) -> Result:
        """Read an answer; raise CallRefused or InvalidAnswer."""
        if answer.status >= _FIRST_REFUSAL:
            raise refused(
                answer.status,
                answer.body,
                request_id=answer.headers.get(REQUEST_ID, ""),
                retry_after=answer.retry_after,
            )
        try:
            return self.read(answer)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise InvalidAnswer(f"{place} {first['msg']}".strip()) from error

    def asking(self, **more: Asked) -> "Call[Result]":
        """Return the call with more in its query."""
        return replace(self, query={**self.query, **build(more)})


def one(method: str, path: str, record: type[Kept], body: object = None) -> Call[Kept]:
    """Make a call that answers one object."""
    return Call(
        method, path, lambda answer: record.model_validate_json(answer.body), body=body
    )


def nothing(method: str, path: str, body: object = None) -> Call[None]:
    """Make a call that answers that it is done."""
    return Call(method, path, lambda _: None, body=body)


def page(path: str, record: type[Kept], asked: Mapping[str, Asked]) -> Call[Page[Kept]]:
    """Make a call that answers a page of a list."""
    kind = Page[record]  # type: ignore[valid-type] # made at run time
    return Call(
        "GET",
        path,
        lambda answer: kind.model_validate_json(answer.body),
        query=build(asked),
    )


def following(call: Call[Page[Kept]], answered: Page[Kept]) -> Call[Page[Kept]] | None:
    """Return the call for the page after one, if there is one (R-17)."""
    marker = answered.marker
    return call.asking(after=marker) if marker else None


def segment(text: str) -> str:
    """Quote what becomes one segment of a path."""
    return quote(text, safe="")
