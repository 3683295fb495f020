"""Following what happens on NATS: facts as they are told, for a person or a program.

Nothing is left behind on the server, and nothing that was told before is shown.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
import typer
from nats.aio.client import Client
from nats.errors import Error as NatsError
from rich.console import Console
from rich.text import Text

from homeport.commands import output
from homeport.errors import InvalidFormat, Unavailable
from homeport.events import subjects
from homeport.events.facts import FactName
from homeport.names import AccountId

ANSWER_SECONDS = 2
DETAILS = ("reason", "lifetime", "binding", "changes", "means", "step", "code")
"""The members of a fact that a person is shown besides what all facts have."""

_COLORS: Mapping[str, str] = {
    FactName.DEVICE_REGISTERED: "green",
    FactName.DEVICE_DEREGISTERED: "yellow",
    FactName.REGISTRATION_EXPIRED: "yellow",
    FactName.REGISTRATION_REFUSED: "red",
    FactName.BOOTSTRAP_FAILED: "red",
}
_TIME, _FACT = 19, 22
"""The widths of columns that lines do not agree on, since each is printed at once."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be shown; without ``facts`` or ``devices``, all of them.

    Devices are named by id or endpoint name.
    """

    account: AccountId
    facts: frozenset[FactName] = frozenset()
    devices: frozenset[str] = frozenset()

    def has(self, fact: Mapping[str, Any]) -> bool:
        """Say whether a fact is to be shown."""
        named = {fact.get("device_id"), fact.get("endpoint_name")}
        return (not self.facts or fact.get("fact") in self.facts) and (
            not self.devices or not self.devices.isdisjoint(named)
        )


async def follow(url: str, wanted: Wanted, *, count: int | None, as_json: bool) -> None:
    """Print what happens until so much has been printed; raise Unavailable."""
    screen = output.console()
    left = count
    async with _messages(url, wanted.account) as messages:
        async for body in messages:
            try:
                fact = parse(body)
            except InvalidFormat as error:
                output.note(str(error))
                continue
            if not wanted.has(fact):
                continue
            _print(screen, fact, as_json=as_json)
            left = None if left is None else left - 1
            if left == 0:
                return


def parse(body: bytes) -> Mapping[str, Any]:
    """Parse a fact, whether we know its kind or not; raise InvalidFormat."""
    try:
        fact = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidFormat("fact", error.msg, position=error.pos) from error
    if not isinstance(fact, dict):
        raise InvalidFormat("fact", "is no object")
    return fact


def line(fact: Mapping[str, Any]) -> Text:
    """Build the line that a person reads of a fact."""
    name = output.text(fact.get("fact"))
    made = Text(no_wrap=False)
    made.append(output.text(fact.get("time"))[:_TIME].ljust(_TIME + 2), style="dim")
    made.append(name.ljust(_FACT + 2), style=_COLORS.get(name, "bold"))
    made.append(output.text(fact.get("endpoint_name")))
    for detail in DETAILS:
        if (value := fact.get(detail)) not in (None, "", []):
            made.append(f"  {detail}=", style="dim")
            made.append(_value(value))
    return made


def _value(value: object) -> str:
    return output.text(tuple(value) if isinstance(value, list) else value)


def _print(screen: Console, fact: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        typer.echo(orjson.dumps(fact))
    else:
        screen.print(line(fact), soft_wrap=True)


async def _connect(client: Client, url: str) -> None:
    """Connect, and say from then on when that is broken."""

    async def on_error(error: Exception) -> None:
        if client.is_connected:
            output.note(f"NATS: {error}")

    async def on_disconnected() -> None:
        if not client.is_closed:
            output.note("NATS is away; what happens meanwhile is not shown")

    async def on_reconnected() -> None:
        output.note("NATS is back")

    await client.connect(
        url.split(","),
        error_cb=on_error,
        disconnected_cb=on_disconnected,
        reconnected_cb=on_reconnected,
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        connect_timeout=ANSWER_SECONDS,
    )


@asynccontextmanager
async def _messages(
    url: str, account: AccountId
) -> AsyncIterator[AsyncIterator[bytes]]:
    """Open the bodies of what an account is told from now on."""
    client = Client()
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await _connect(client, url)
            subscription = await client.subscribe(subjects.of_account(account))
            await client.flush(ANSWER_SECONDS)
    except (NatsError, OSError, ValueError) as error:
        reason = str(client.last_error or error) or "it does not answer"
        if client.is_connected:
            await client.close()
        raise Unavailable("NATS", reason) from error

    async def bodies() -> AsyncIterator[bytes]:
        async for message in subscription.messages:
            yield message.data

    try:
        yield bodies()
    finally:
        await client.close()
