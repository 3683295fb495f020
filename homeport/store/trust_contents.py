"""What the trust view has, some at a time, for whoever compares it with PostgreSQL."""

from base64 import b64decode
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import orjson

from homeport.identity import Service
from homeport.names import AccountId, DeviceId
from homeport.protocol.configurations import Selector
from homeport.store import entries, keys
from homeport.store.connection import Connection, reaching
from homeport.store.entries import (
    BootstrapConfiguration,
    Claim,
    DefinedObject,
    DeviceEntry,
    Entry,
    Pin,
    RegisteredKey,
    TrustedCertificate,
)
from homeport.store.memberships import Membership
from homeport.store.scanning import BATCH, scan

_FOR_EVER = -1
"""What Redis answers for an entry that does not go by itself."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key that is let in."""

    digest: str
    id: str
    account: AccountId


Content = Entry | ApiKey | Membership
Make = Callable[..., Iterable[Content]]


async def contents(connection: Connection) -> AsyncIterator[list[Content]]:
    """Yield what the view has, some hundreds at a time; raise Unavailable.

    Of an entry it is only what it takes to find it there, and to remove it: another
    edition may have written it. All that are there from the beginning to the end are
    among them, perhaps twice. Devices that edges have introduced are not: the directory
    may not have heard of them.
    """
    page: list[Content] = []
    async for found in scan(connection, keys.trust("*")):
        page += await _read(connection, found)
        for key in found:
            if _kind(key) == _GROUP:
                async for member in _members(connection, key):
                    page.append(member)
                    if len(page) >= BATCH:
                        yield page
                        page = []
        if len(page) >= BATCH:
            yield page
            page = []
    if page:
        yield page


async def _read(connection: Connection, found: Sequence[str]) -> list[Content]:
    """Read keys of all kinds but groups, in one round trip."""
    known = [(key, *_KINDS[kind]) for key in found if (kind := _kind(key)) in _KINDS]
    if not known:
        return []
    pipeline = connection.pipeline(transaction=False)
    for key, commands, _ in known:
        for command in commands:
            pipeline.execute_command(command, key)
    with reaching():
        answers = iter(await pipeline.execute())
    return [
        content
        for key, commands, make in known
        for content in make(_rest(key), *(next(answers) for _ in commands))
    ]


async def _members(connection: Connection, key: str) -> AsyncIterator[Membership]:
    """Read the devices of a group; there may be many."""
    account, _, group = _rest(key).partition(":")
    with reaching():
        async for device in connection.sscan_iter(key, count=BATCH):
            yield Membership(AccountId(account), group, DeviceId(device.decode()))


def _shared_key(_: str, text: bytes | None) -> Iterable[Content]:
    if text is not None:
        given = orjson.loads(text)
        yield RegisteredKey(
            id=given["id"],
            service=Service(given["service"]),
            identity=b64decode(given["identity"]),
            account=given["account"],
            endpoint_name=given["endpoint_name"],
            key=b"",
        )


def _certificates(subject: str, ids: Sequence[bytes]) -> Iterable[Content]:
    for identity in ids:
        yield TrustedCertificate(
            id=identity.decode(),
            account=_NOBODY,
            subject=subject,
            certificate=b"",
            service=Service.BOOTSTRAP,
            enrollment_mode=False,
            proven=False,
            active=False,
        )


def _pin(fingerprint: str, text: bytes | None) -> Iterable[Content]:
    if text is not None:
        given = orjson.loads(text)
        yield Pin(given["id"], given["account"], fingerprint)


def _claim(fingerprint: str, text: bytes | None) -> Iterable[Content]:
    if text is not None:
        given = orjson.loads(text)
        yield Claim(given["id"], given["account"], fingerprint)


def _device(identity: str, text: bytes | None, remains: int) -> Iterable[Content]:
    if text is not None and remains == _FOR_EVER:
        yield DeviceEntry(DeviceId(identity), orjson.loads(text)["account"])


def _configurations(account: str, ids: Sequence[bytes]) -> Iterable[Content]:
    for identity in ids:
        selector = Selector(identity.decode())
        yield BootstrapConfiguration(AccountId(account), selector, b"")


def _definitions(account: str, places: Sequence[bytes]) -> Iterable[Content]:
    for place in filter(None, places):
        yield DefinedObject(AccountId(account), place.decode(), b"")


def _api_key(digest: str, text: bytes | None) -> Iterable[Content]:
    if text is not None:
        given = orjson.loads(text)
        yield ApiKey(digest, given["key_id"], given["account"])


def _kind(key: str) -> str:
    return key.removeprefix(keys.trust("")).partition(":")[0]


def _rest(key: str) -> str:
    return key.removeprefix(keys.trust("")).partition(":")[2]


_NOBODY = AccountId("")
_GROUP = _kind(keys.group(_NOBODY, ""))
_KINDS: Mapping[str, tuple[Sequence[str], Make]] = {
    _kind(key): (commands, make)
    for key, commands, make in (
        (keys.trust(entries.key_name(Service.LWM2M, b"")), ["GET"], _shared_key),
        (keys.trusted_certificates(""), ["HKEYS"], _certificates),
        (keys.trust(entries.pin_name("")), ["GET"], _pin),
        (keys.trust(entries.claim_name("")), ["GET"], _claim),
        (keys.trust(entries.device_name(DeviceId(""))), ["GET", "PTTL"], _device),
        (keys.bootstrap_selectors(_NOBODY), ["HKEYS"], _configurations),
        (keys.object_definitions(_NOBODY), ["HKEYS"], _definitions),
        (keys.api_key(""), ["GET"], _api_key),
    )
}
"""By what a name begins with: what to ask Redis, and what its answers say.

What goes with one of these is not looked at: a CA's mark, a configuration's content.
"""
