"""What a caller asks of a device, as it waits in the device's queue.

It is written by who takes it from the caller and read by the edge that has the device;
what its event says of it, whichever way it ends, is written beside it.
"""

import base64
from dataclasses import dataclass, replace
from enum import StrEnum

import orjson

from homeport.errors import InvalidFormat

OWN_PREFIX = "-"
"""Begins the ids of requests that no caller has made: they take no place in the queue
from callers."""


class Method(StrEnum):
    """What is to be done, by the name of CoAP's method."""

    GET = "GET"
    PUT = "PUT"
    POST = "POST"
    DELETE = "DELETE"
    FETCH = "FETCH"
    IPATCH = "IPATCH"


COMPOSITE = (Method.FETCH, Method.IPATCH)
"""What is about several paths at once, which the payload names (LwM2M 1.1 §6.3.8)."""


@dataclass(frozen=True, slots=True)
class DeviceRequest:
    """One request to one device.

    ``key_id`` is the API key that asks, ``async_id`` what its caller calls the request;
    both are empty for our own. ``path`` is text, ``/3/0/0``. ``accept`` and
    ``content_format`` are numbers of the registry. ``retries`` is how many attempts may
    follow the next one, ``expires_at`` in milliseconds since 1970. ``observe`` begins
    an observation with true and ends it with false.
    """

    id: str
    key_id: str
    async_id: str
    method: Method
    path: str
    queries: tuple[str, ...] = ()
    accept: int | None = None
    content_format: int | None = None
    payload: bytes = b""
    retries: int = 0
    expires_at: int = 0
    observe: bool | None = None

    def after_failure(self) -> "DeviceRequest":
        """Return it with one retry less."""
        return replace(self, retries=self.retries - 1)


def head(request: DeviceRequest) -> str:
    """Write what the event of a request says of it, as JSON members after a comma."""
    told: dict[str, object] = {
        "request_id": request.id,
        "key_id": request.key_id,
        "async_id": request.async_id,
        "method": request.method,
        "path": request.path,
    }
    if request.observe is not None:
        told["observe"] = request.observe
    return "," + orjson.dumps(told).decode()[1:-1]


def build(request: DeviceRequest) -> str:
    """Write a request as JSON without a line feed."""
    return orjson.dumps(
        {
            "id": request.id,
            "key_id": request.key_id,
            "async_id": request.async_id,
            "method": request.method,
            "path": request.path,
            "queries": request.queries,
            "accept": request.accept,
            "content_format": request.content_format,
            "payload": base64.b64encode(request.payload).decode(),
            "retries": request.retries,
            "expires_at": request.expires_at,
            "observe": request.observe,
        }
    ).decode()


def parse(text: str) -> DeviceRequest:
    """Read what `build` wrote; raise InvalidFormat for everything else."""
    try:
        told = orjson.loads(text)
        return DeviceRequest(
            **told
            | {
                "method": Method(told["method"]),
                "queries": tuple(told["queries"]),
                "payload": base64.b64decode(told["payload"]),
            }
        )
    except (ValueError, TypeError, KeyError) as error:
        raise InvalidFormat("device request", str(error)) from error
