"""What the trust view does not know yet, written down with the change itself."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.directory.schema import trust_changes


class Kind(StrEnum):
    """What a change is about."""

    API_KEY = "api-key"
    AUTHORITY = "authority"
    CERTIFICATE = "certificate"
    PIN = "pin"
    SHARED_KEY = "shared-key"
    CLAIM = "claim"
    DEVICE = "device"
    BOOTSTRAP_CONFIGURATION = "bootstrap-configuration"
    OBJECT_DEFINITION = "object-definition"
    STANDING = "standing"
    """Whether a device may be registered at all."""
    MEMBERSHIP = "membership"
    GROUP = "group"
    """A group is gone, with all memberships."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something that the trust view has to be told of.

    ``place`` is where its entry is or was: the digest of a CA's subject, a pin's
    fingerprint, the service of a shared key, whose ``id`` is its endpoint name, the
    digest of an API key, the fingerprint of a claim, the object and the version of a
    definition, the group of a membership, whose ``id`` is the device.
    """

    kind: Kind
    account_id: str = ""
    id: str = ""
    place: str = ""


async def record(connection: AsyncConnection, changes: Iterable[Change]) -> None:
    """Write changes down, in the transaction that makes them."""
    rows = [asdict(change) | {"kind": change.kind.value} for change in changes]
    if rows:
        await connection.execute(insert(trust_changes), rows)
