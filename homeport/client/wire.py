"""What both clients have in common: what they give to the libraries that talk."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import orjson
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from homeport.client import consumers, event_streams
from homeport.client.access import Access
from homeport.client.calls import Answer, Call
from homeport.client.errors import SocketClosed, refused
from homeport.client.event_streams import Confirm, Form
from homeport.errors import HomeportError, Unavailable

ANSWER_SECONDS = 20.0
LARGEST_MESSAGE = 64 * 2**20
"""Bytes of a notification message: 10,000 registrations of devices like ours."""
LONGEST_SILENCE = 60.0
"""Seconds; Homeport writes to whoever follows every 20 unless told otherwise."""


def options(access: Access) -> dict[str, Any]:
    """Return how both kinds of HTTP clients are made."""
    return {
        "base_url": access.url,
        "headers": access.headers,
        "verify": access.tls or False,  # without TLS there is nothing to verify
        "trust_env": False,
    }


def socket_options(access: Access) -> dict[str, Any]:
    """Return how both kinds of sockets are opened."""
    return {
        "additional_headers": access.headers,
        "user_agent_header": None,
        "ssl": access.tls,
        "proxy": None,
        "max_size": LARGEST_MESSAGE,
        "open_timeout": ANSWER_SECONDS,
    }


def request(
    http: httpx.Client | httpx.AsyncClient, call: Call[Any], seconds: float
) -> httpx.Request:
    """Make the request of a call, which may take so long."""
    return http.build_request(
        call.method,
        call.path,
        params=call.query or None,
        content=None if call.body is None else orjson.dumps(call.body),
        headers=None if call.body is None else {"content-type": "application/json"},
        files=None if call.file is None else {call.file[0]: call.file},
        timeout=seconds + call.seconds,
    )


def follow(
    http: httpx.Client | httpx.AsyncClient,
    consumer: str,
    form: Form,
    confirm: Confirm,
    after: str,
) -> httpx.Request:
    """Make the request that reads for a named consumer."""
    last = {"last-event-id": after} if after else {}
    return http.build_request(
        "GET",
        consumers.events_path(consumer),
        params={"form": form, "confirm": confirm},
        headers={"accept": event_streams.MEDIA_TYPE, **last},
        timeout=LONGEST_SILENCE,
    )


def answer(answered: httpx.Response) -> Answer:
    """Return what a call reads."""
    return Answer(answered.status_code, answered.content, dict(answered.headers))


@contextmanager
def told() -> Iterator[None]:
    """Tell by our own errors how the network has failed."""
    try:
        yield
    except ConnectionClosed as error:
        raise _closed(error) from error
    except InvalidStatus as error:
        answered = error.response
        raise refused(answered.status_code, bytes(answered.body or b"")) from error
    except (httpx.HTTPError, InvalidHandshake, OSError) as error:
        raise Unavailable("API", str(error) or type(error).__name__) from error


def _closed(error: ConnectionClosed) -> HomeportError:
    if error.rcvd is None:
        return SocketClosed(1006, "")
    return SocketClosed(error.rcvd.code, error.rcvd.reason)
