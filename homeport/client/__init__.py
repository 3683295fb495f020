"""A client of the API for Python programs: `Client` waits, `AsyncClient` is awaited.

    with Client("https://home.example", key) as client:
        for device in client.devices.list(state="registered"):
            print(device.endpoint_name)

It talks to any Homeport; nothing else of this package is needed for it to work. What a
call asks and how its answer is read are values (`calls`), so both clients are thin.
"""

from homeport.client.channels import EVERYTHING, Flags, Serialization
from homeport.client.clients import AsyncClient, Client
from homeport.client.errors import (
    CallRefused,
    Conflict,
    Forbidden,
    Gone,
    InvalidAnswer,
    InvalidCall,
    NotFound,
    ServerFault,
    SocketClosed,
    TooManyCalls,
    Unavailable,
    UnknownKey,
)
from homeport.client.patience import Patience
from homeport.client.subscriptions import Presubscription

__all__ = [
    "EVERYTHING",
    "AsyncClient",
    "CallRefused",
    "Client",
    "Conflict",
    "Flags",
    "Forbidden",
    "Gone",
    "InvalidAnswer",
    "InvalidCall",
    "NotFound",
    "Patience",
    "Presubscription",
    "Serialization",
    "ServerFault",
    "SocketClosed",
    "TooManyCalls",
    "Unavailable",
    "UnknownKey",
]
