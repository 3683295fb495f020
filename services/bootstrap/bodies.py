"""What the facts about bootstraps say besides whose they are, as members of JSON."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import orjson

from homeport.identity import Identity, Means
from homeport.protocol import paths, resources
from homeport.protocol.formats.records import Record
from homeport.store import entries
from services.bootstrap.issuing import Particulars

MOST_READ = 256
LONGEST_READ = 256
"""Characters of a value."""

_EXECUTION_MODES = {Means.DEVELOPER: 1, Means.CERTIFICATE: 5, Means.SHARED_KEY: 5}


def bootstrapped(
    identity: Identity, particulars: Particulars, read: Sequence[Record]
) -> str:
    """Say what a device came with, what it has been given, and what was read of it.

    Of that no more than `MOST_READ` values, none of them long (B-025).
    """
    authorities = [entries.certificate_id(name) for name in identity.rests_on]
    return _members(
        {
            "means": identity.means,
            "fingerprint": identity.fingerprint,
            "developer": developer(identity),
            "device_key": particulars.fingerprint,
            "ca_id": authorities[0] if len(authorities) == 1 else "",
            "issuer_fingerprint": particulars.issuer,
            "bootstrap_expires_at": _time(identity.expires),
            "credential_expires_at": _time(particulars.expires),
            "execution_mode": _EXECUTION_MODES.get(identity.means, 0),
            "read": dict(_values(read[:MOST_READ])),
        }
    )


def failed(step: str, code: str, reason: str, *, fingerprint: str) -> str:
    """Say how far a device came, and why not further (B-028, B-067)."""
    return _members(
        {"step": step, "code": code, "reason": reason, "fingerprint": fingerprint}
    )


def developer(identity: Identity) -> str:
    """Return the fingerprint of the developer certificate that a device came with."""
    return identity.fingerprint if identity.means is Means.DEVELOPER else ""


def _values(read: Sequence[Record]) -> Iterator[tuple[str, object]]:
    for record in read:
        if record.value is None:
            continue
        value = resources.build(record.value)
        if not isinstance(value, str) or len(value) <= LONGEST_READ:
            yield paths.build(record.path), value


def _time(milliseconds: int) -> datetime | None:
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None


def _members(said: Mapping[str, object]) -> str:
    """Return the members of an object, with a comma before the first."""
    return "," + orjson.dumps(said).decode()[1:-1]
