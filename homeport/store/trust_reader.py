"""What edges ask of the trust view, each question in one round trip."""

from collections.abc import Sequence
from dataclasses import dataclass

from homeport.errors import InvalidFormat, Unavailable
from homeport.identity import Identity, Means, Service
from homeport.keyring import Keyring
from homeport.names import AccountId, DeviceId
from homeport.protocol.configurations import Configuration, Selector
from homeport.store import configurations, entries, keys
from homeport.store.connection import Connection, reaching
from homeport.store.entries import (
    Claim,
    DeviceEntry,
    Pin,
    RegisteredKey,
    TrustedCertificate,
)


@dataclass(frozen=True, slots=True)
class ChainEntries:
    """What is known of a chain: its own certificate's pin, and CAs that it may name.

    A CA is here because its subject is one that was asked for; whether it signed the
    chain is not known here.
    """

    pin: Pin | None
    authorities: tuple[TrustedCertificate, ...]


class TrustReader:
    """The trust view as edges read it.

    All raise Unavailable, also where the keyring cannot open what the directory sealed.
    """

    def __init__(self, connection: Connection, keyring: Keyring) -> None:
        self._redis = connection
        self._keyring = keyring

    async def registered_keys(
        self, service: Service, identities: Sequence[bytes]
    ) -> list[RegisteredKey | None]:
        """Return the keys that are registered for PSK identities, in order."""
        found = await self._texts(
            [entries.key_name(service, identity) for identity in identities]
        )
        try:
            return [
                entries.parse_key(text, self._keyring) if text is not None else None
                for text in found
            ]
        except InvalidFormat as error:
            raise Unavailable("the trust view", str(error)) from error

    async def chains(
        self, wanted: Sequence[tuple[str, Sequence[str]]]
    ) -> list[ChainEntries]:
        """Look chains up, each by its own fingerprint and its issuers' digests."""
        if not wanted:
            return []
        pipeline = self._redis.pipeline(transaction=False)
        for fingerprint, subjects in wanted:
            pipeline.get(keys.trust(entries.pin_name(fingerprint)))
            for subject in subjects:
                pipeline.hvals(keys.trusted_certificates(subject))
        with reaching():
            found = iter(await pipeline.execute())
        return [
            _chain(next(found), [next(found) for _ in subjects])
            for _, subjects in wanted
        ]

    async def devices(self, wanted: Sequence[DeviceId]) -> list[DeviceEntry | None]:
        """Return the entries of devices, in order; None where a device has none."""
        found = await self._texts([entries.device_name(device) for device in wanted])
        return [entries.parse_device(text) if text else None for text in found]

    async def claims(self, fingerprints: Sequence[str]) -> list[Claim | None]:
        """Return who has claimed the devices with these certificates, in order."""
        wanted = [entries.claim_name(fingerprint) for fingerprint in fingerprints]
        found = await self._texts(wanted)
        return [entries.parse_claim(text) if text else None for text in found]

    async def selectors(
        self, accounts: Sequence[AccountId]
    ) -> list[tuple[Selector, ...]]:
        """Return which configurations accounts have for which devices, in order."""
        if not accounts:
            return []
        pipeline = self._redis.pipeline(transaction=False)
        for account in accounts:
            pipeline.hvals(keys.bootstrap_selectors(account))
        with reaching():
            found = await pipeline.execute()
        return [tuple(map(configurations.parse_selector, texts)) for texts in found]

    async def configurations(
        self, identities: Sequence[str]
    ) -> list[Configuration | None]:
        """Return bootstrap configurations by their ids, in order."""
        names = [entries.configuration_name(identity) for identity in identities]
        found = await self._texts(names)
        return [
            configurations.parse(self._opened(name, sealed)) if sealed else None
            for name, sealed in zip(names, found, strict=True)
        ]

    async def stand(self, identities: Sequence[Identity]) -> list[bool]:
        """Say of each identity whether everything that it rests on is still there.

        A device's own entry need not be there: what it says counts, for a suspended
        device and for a credential of ours that was issued too early. Issuers of ours
        are not asked for: all edges know them.
        """
        wanted = list({name for each in identities for name in _names(each)})
        found = dict(zip(wanted, await self._texts(wanted), strict=True))
        return [
            all(_stands(name, found[name], identity) for name in _names(identity))
            for identity in identities
        ]

    async def authority(self) -> bytes | None:
        """Return the installation's own authority, as the directory put it."""
        (sealed,) = await self._texts([entries.AUTHORITY])
        return self._opened(entries.AUTHORITY, sealed) if sealed is not None else None

    def _opened(self, name: str, sealed: bytes) -> bytes:
        try:
            return self._keyring.open(sealed, place=keys.trust(name))
        except InvalidFormat as error:
            raise Unavailable("the trust view", str(error)) from error

    async def _texts(self, wanted: Sequence[str]) -> list[bytes | None]:
        if not wanted:
            return []
        pipeline = self._redis.pipeline(transaction=False)
        for name in wanted:
            pipeline.get(keys.trust(name))
        with reaching():
            return await pipeline.execute()


def _chain(pin: bytes | None, certificates: list[list[bytes]]) -> ChainEntries:
    return ChainEntries(
        entries.parse_pin(pin) if pin else None,
        tuple(
            entries.parse_certificate(text) for texts in certificates for text in texts
        ),
    )


def _names(identity: Identity) -> tuple[str, ...]:
    rests_on = tuple(name for name in identity.rests_on if not entries.is_issuer(name))
    if identity.means is Means.ISSUED and identity.device is not None:
        return (*rests_on, entries.device_name(identity.device))
    return rests_on


def _stands(name: str, text: bytes | None, identity: Identity) -> bool:
    if not name.startswith("device:"):
        return text is not None
    if text is None:
        return True
    entry = entries.parse_device(text)
    if identity.means is Means.ISSUED and identity.issued < entry.not_before:
        return False
    return not entry.suspended
