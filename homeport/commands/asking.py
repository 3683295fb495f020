"""Asking a device through the API, and waiting for what comes of it."""

import asyncio
import math
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

from homeport.client import AsyncClient, CallRefused
from homeport.client.device_requests import Method
from homeport.client.notifications import Message, Response
from homeport.commands import output
from homeport.commands.hearing import hearing
from homeport.errors import HomeportError
from homeport.events.facts import FactName

PATIENCE_SECONDS = 3.0
"""After this time a person is told that the device may sleep."""
SHORTEST_EXPIRY = 60
"""Seconds that a request waits for its device at least (R-82)."""
OK = 200

_REFUSED: Mapping[str, str] = {
    "DEVICE_NOT_FOUND": "is none of this account",
    "DEVICE_NOT_CONNECTED": "is not registered",
    "RESOURCE_NOT_FOUND": "has no such path",
    "QUEUE_IS_FULL": "has as many requests waiting as it may",
}
"""What the API's words say of a device that is not asked (R-86, R-87)."""
_ENDED: Mapping[str, str] = {
    "REQUEST_EXPIRED": "has not come in time, and is not asked any more",
    "DEVICE_REMOVED_REGISTRATION": "has left, or has registered anew",
    "DEVICE_BLOCKED": "is suspended",
    "NOT_CONNECTED": "cannot be reached",
    "TIMEOUT": "does not answer",
}
"""What became of a request that the device has not answered."""


class NotDone(HomeportError):
    """A device does not do what it was asked for, or is not asked."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the device {reason}")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a device is asked for; the uri is a path with attributes, if any."""

    method: Method
    uri: str
    payload: bytes = b""
    content_type: str = ""
    accept: str = ""

    @property
    def path(self) -> str:
        """The path alone."""
        return self.uri.partition("?")[0]


async def ask(
    client: AsyncClient, device: str, asked: Asked, *, seconds: float
) -> Response:
    """Ask a device; return what came of it.

    Raises NotDone where it is not asked, or nothing has come of it after so long.
    """
    async with hearing(client, device, FactName.REQUEST_COMPLETED) as messages:
        with asked_for():
            async_id = await client.requests.send(
                device,
                asked.method,
                asked.uri,
                payload=asked.payload,
                content_type=asked.content_type,
                accept=asked.accept,
                expiry_seconds=max(SHORTEST_EXPIRY, math.ceil(seconds)),
            )
        try:
            with patience():
                async with asyncio.timeout(seconds):
                    return await _response(messages, async_id)
        except TimeoutError as error:
            raise NotDone(_silent(seconds)) from error


def reason(response: Response) -> str:
    """Say what is wrong with a response that is no success."""
    if response.error in _ENDED:
        return _ENDED[response.error]
    try:
        phrase = response.error or HTTPStatus(response.status).phrase
    except ValueError:
        phrase = "which nobody knows"
    return f"answers {response.status} {phrase}"


@contextmanager
def asked_for() -> Iterator[None]:
    """Say in a sentence why a device is not asked: raise NotDone."""
    try:
        yield
    except CallRefused as error:
        if error.kind in _REFUSED:
            raise NotDone(_REFUSED[error.kind]) from error
        raise


@contextmanager
def patience() -> Iterator[None]:
    """Say after a while what is waited for."""
    waiting = asyncio.get_running_loop().call_later(
        PATIENCE_SECONDS,
        output.note,
        "the device has not answered yet; one that sleeps is asked when it comes",
    )
    try:
        yield
    finally:
        waiting.cancel()


async def _response(messages: AsyncIterator[Message], async_id: str) -> Response:
    async for message in messages:
        for response in message.async_responses:
            if response.id == async_id:
                return response
    raise AssertionError("messages have no end")


def _silent(seconds: float) -> str:
    said = f"has not answered within {seconds:g} s"
    if seconds < SHORTEST_EXPIRY:
        return f"{said}; it may still be asked until {SHORTEST_EXPIRY} s are over"
    return said
