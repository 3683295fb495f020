"""Applications that read from NATS themselves: where they are, and what they may do.

A server lets nobody choose by permissions where JetStream's answers go to: whoever may
ask may have them sent to any subject of the same NATS account. So applications have two
NATS accounts of their own. In one they only listen, and nobody may say anything. In the
other they ask for the events of their own consumer, and everybody listens to subjects
alone that nobody can guess. Neither of them reaches what the services say.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from homeport.events import subjects
from homeport.names import AccountId

SERVICES, LISTENING, CONSUMING = "HOMEPORT", "HOMEPORT_LISTEN", "HOMEPORT_CONSUME"
"""The NATS accounts of the services, and of applications."""

API_PREFIX = "homeport.js"
"""Stands for '$JS.API' where applications ask."""

AUTHORIZE = "$SYS.REQ.USER.AUTH"
"""On which a server asks who comes (auth callout)."""
CONNECTIONS = "homeport.nats.connections"
"""On which every server answers who is there."""

_MOST_SUBSCRIPTIONS = 100


def kick(server: str) -> str:
    """Return the subject on which a server ends a connection."""
    return f"homeport.nats.{server}.kick"


def durable(user: str) -> str:
    """Name the consumer of a NATS user (its id is hex)."""
    return f"application-{user}"


def inbox_prefix(secret: str) -> str:
    """Return the beginning of all subjects that a NATS user gets answers on."""
    return f"_INBOX_{secret}"


def listening(account: AccountId) -> Mapping[str, Any]:
    """Say what one may do who listens to an account's facts (NATS user claims)."""
    return {
        "pub": {"deny": [">"]},
        "sub": {"allow": [subjects.of_account(account)]},
        **_LIMITS,
    }


def consuming(user: str, secret: str) -> Mapping[str, Any]:
    """Say what one may do who has a consumer (NATS user claims)."""
    own = f"{subjects.STREAM}.{durable(user)}"
    return {
        "pub": {
            "allow": [
                f"{API_PREFIX}.CONSUMER.INFO.{own}",
                f"{API_PREFIX}.CONSUMER.MSG.NEXT.{own}",
                f"$JS.ACK.{own}.>",
            ]
        },
        "sub": {"allow": [f"{inbox_prefix(secret)}.>"]},
        **_LIMITS,
    }


def configuration(issuer: str, *, user: str, password: str) -> str:
    """Build what a server has to be told (its configuration; JSON is part of it).

    ``issuer`` is the public key of whoever says what applications may do. The services
    come as ``user``, and are let in without being asked for.
    """
    authorization = {
        "auth_callout": {"issuer": issuer, "account": SERVICES, "auth_users": [user]}
    }
    accounts = {
        _SYSTEM: {"exports": [{"service": _KICK}, _many(_CONNECTIONS)]},
        SERVICES: {
            "jetstream": "enabled",
            "users": [{"user": user, "password": password}],
            "exports": [
                {"stream": subjects.EVERYTHING},
                _many(f"$JS.API.{_NEXT}"),
                {"service": f"$JS.API.{_INFORMATION}"},
                {"service": _ACKNOWLEDGE},
            ],
            "imports": [
                _taken(_SYSTEM, _KICK, to=kick("*")),
                _taken(_SYSTEM, _CONNECTIONS, to=CONNECTIONS),
            ],
        },
        LISTENING: {
            "imports": [
                {"stream": {"account": SERVICES, "subject": subjects.EVERYTHING}}
            ]
        },
        CONSUMING: {
            "imports": [
                _taken(SERVICES, f"$JS.API.{_NEXT}", to=f"{API_PREFIX}.{_NEXT}"),
                _taken(
                    SERVICES,
                    f"$JS.API.{_INFORMATION}",
                    to=f"{API_PREFIX}.{_INFORMATION}",
                ),
                _taken(SERVICES, _ACKNOWLEDGE, to=_ACKNOWLEDGE),
            ]
        },
    }
    parts = {"authorization": authorization, "accounts": accounts}
    return "".join(
        f"{name}: {orjson.dumps(part, option=orjson.OPT_INDENT_2).decode()}\n"
        for name, part in parts.items()
    )


def _many(subject: str) -> dict[str, Any]:
    """Export a service that answers a question more than once."""
    return {"service": subject, "response_type": "stream"}


def _taken(account: str, subject: str, *, to: str) -> dict[str, Any]:
    return {"service": {"account": account, "subject": subject}, "to": to}


_SYSTEM = "$SYS"
_KICK = "$SYS.REQ.SERVER.*.KICK"
_CONNECTIONS = "$SYS.REQ.SERVER.PING.CONNZ"
_NEXT = f"CONSUMER.MSG.NEXT.{subjects.STREAM}.*"
_INFORMATION = f"CONSUMER.INFO.{subjects.STREAM}.*"
_ACKNOWLEDGE = f"$JS.ACK.{subjects.STREAM}.>"
_LIMITS = {"subs": _MOST_SUBSCRIPTIONS, "data": -1, "payload": -1}
