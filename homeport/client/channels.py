"""How an API key's notifications are delivered: ``client.channel``.

A key has one channel, of one kind at a time.
"""

from collections.abc import Mapping

from pydantic import Field

from homeport.client.calls import Answer, Call, nothing, one
from homeport.client.methods import From, Group, single
from homeport.client.notifications import Message
from homeport.client.records import Record

PATH = "/v2/notification"
CALLBACK = f"{PATH}/callback"
WEBSOCKET = f"{PATH}/websocket"
CONNECT = f"{PATH}/websocket-connect"
PULL = f"{PATH}/pull"

LONGEST_PULL = 60.0
"""Seconds that a poll without news may be held; Homeport holds 30 unless told more."""

_NO_CONTENT = 204


class Flags(Record):
    """What messages hold besides the rest."""

    deregistrations_as_object: bool = False
    include_uid: bool = False
    include_timestamp: bool = False
    include_original_ep: bool = False
    include_values: bool = False


class Serialization(Record):
    """The form of messages (R-122)."""

    type: str = "v2"
    max_chunk_size: int = 10_000
    cfg: Flags = Flags()


EVERYTHING = Serialization(
    cfg=Flags(
        deregistrations_as_object=True,
        include_uid=True,
        include_timestamp=True,
        include_original_ep=True,
        include_values=True,
    )
)
"""The form in which nothing is left out."""


class Callback(Record):
    """A webhook, as it is set."""

    url: str
    headers: Mapping[str, str] = Field(default={}, repr=False)
    serialization: Serialization = Serialization()


class WebSocketState(Record):
    """How it goes with a WebSocket channel; ``queue_size`` is -1 when not known."""

    status: str
    queue_size: int = -1
    serialization: Serialization = Serialization()


class Channel(Group[From]):
    """The channel of the key that the calls are made with."""

    @single
    @staticmethod
    def kind() -> Call[str]:
        """Return CALLBACK, LONG_POLLING or WEB_SOCKET; raise NotFound for none."""
        return Call(
            "GET",
            f"{PATH}/channel",
            lambda answer: _Kind.model_validate_json(answer.body).delivery_mechanism,
        )

    @single
    @staticmethod
    def set_callback(
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        signing_secret: str | None = None,
        serialization: Serialization | None = None,
    ) -> Call[None]:
        """Have notifications delivered to a webhook, which is tried at once.

        ``headers`` are sent with every delivery. A ``signing_secret``, ``whsec_`` and
        base64, signs each as Standard Webhooks 1.0 says. Raises InvalidCall where the
        webhook does not answer.
        """
        body: dict[str, object] = {"url": url}
        if headers:
            body["headers"] = headers
        if signing_secret:
            body["signing_secret"] = signing_secret
        return nothing("PUT", CALLBACK, body | _form(serialization))

    @single
    @staticmethod
    def callback() -> Call[Callback]:
        """Return the webhook of the key; raise NotFound."""
        return one("GET", CALLBACK, Callback)

    @single
    @staticmethod
    def delete_callback() -> Call[None]:
        """Have nothing delivered any more; raise NotFound."""
        return nothing("DELETE", CALLBACK)

    @single
    @staticmethod
    def set_websocket(
        *, serialization: Serialization | None = None
    ) -> Call[WebSocketState]:
        """Have notifications delivered to a WebSocket, which `listen` opens."""
        return one("PUT", WEBSOCKET, WebSocketState, _form(serialization))

    @single
    @staticmethod
    def websocket() -> Call[WebSocketState]:
        """Say whether the socket is open, and how much waits; raise NotFound."""
        return one("GET", WEBSOCKET, WebSocketState)

    @single
    @staticmethod
    def delete_websocket() -> Call[None]:
        """Have nothing delivered any more; the socket is closed."""
        return nothing("DELETE", WEBSOCKET)

    @single
    @staticmethod
    def pull() -> Call[Message | None]:
        """Wait for the next notifications; None when nothing has happened for long.

        The first poll makes the channel; the next one says that they have arrived.
        Raises Conflict where another poll waits.
        """
        return Call("GET", PULL, _pulled, seconds=LONGEST_PULL)

    @single
    @staticmethod
    def delete_pull() -> Call[bool]:
        """Remove the channel; say whether there was one."""
        return Call("DELETE", PULL, lambda answer: answer.body == b"REMOVED")


class _Kind(Record):
    delivery_mechanism: str


def _pulled(answer: Answer) -> Message | None:
    if answer.status == _NO_CONTENT:
        return None
    return Message.model_validate_json(answer.body)


def _form(serialization: Serialization | None) -> dict[str, object]:
    return {"serialization": serialization.model_dump()} if serialization else {}
