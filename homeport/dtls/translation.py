"""Records between OpenSSL, which knows no connection ids, and the wire.

Once the keys are known, a protected record of a handshake is opened on one side and
sealed for the other, unless it would stay as it is. So a record that is sent again has
a number of its own: a peer with a replay window would not see it otherwise (RFC 6347
§4.2.4).
"""

from typing import Protocol

from homeport.dtls import keys
from homeport.dtls.association import Association, Protection
from homeport.dtls.negotiation import CidNegotiation
from homeport.dtls.openssl.connection import Secrets
from homeport.dtls.records import Record
from homeport.dtls.suites import Aead, Suite

_POSITION = slice(3, 11)
"""Epoch and sequence number in the header of a record."""


class Translation(Protocol):
    """What becomes of the protected records of a handshake."""

    def inward(self, record: Record) -> tuple[int, bytes] | None:
        """Return a record's kind and what OpenSSL gets of it; None if it is forged."""

    def outward(self, record: Record, number: int) -> bytes:
        """Return a record of OpenSSL's as the peer gets it."""


class Untranslated:
    """A suite whose records OpenSSL protects: they stay what they are."""

    def inward(self, record: Record) -> tuple[int, bytes] | None:
        """Return the record; only OpenSSL can tell whether it is forged."""
        return record.kind, record.raw

    def outward(self, record: Record, number: int) -> bytes:
        """Return the record; repeated, it keeps its number."""
        del number
        return record.raw


class AeadTranslation:
    """A suite whose records are ours to open and to seal."""

    def __init__(
        self,
        suite: Suite,
        aead: Aead,
        secrets: Secrets,
        cids: CidNegotiation,
        *,
        server: bool,
    ) -> None:
        self._suite = suite
        self._cids = cids
        self._server = server
        self._keys = keys.derive(
            secrets.master,
            client_random=secrets.client_random,
            server_random=secrets.server_random,
        )
        ours, theirs = self._keys.client, self._keys.server
        if server:
            ours, theirs = theirs, ours
        self._to_peer = Protection(aead, ours, cids.form, cids.peer_cid)
        self._from_peer = Protection(aead, theirs, cids.form, cids.cid)

    def inward(self, record: Record) -> tuple[int, bytes] | None:
        """Open a record of the peer's and seal what it holds for OpenSSL."""
        opened = self._from_peer.open(record)
        if opened is None:
            return None
        kind, content = opened
        if not record.cid:
            return kind, record.raw
        to_openssl = _plain(self._from_peer)
        return kind, to_openssl.seal(kind, record.sequence, content)

    def outward(self, record: Record, number: int) -> bytes:
        """Open a record of OpenSSL's and seal it for the peer."""
        if self._stays(record, number):
            return record.raw
        opened = _plain(self._to_peer).open(record)
        if opened is None:
            raise AssertionError("OpenSSL has other keys than we derived")
        kind, content = opened
        return self._to_peer.seal(kind, number, content)

    def _stays(self, record: Record, number: int) -> bool:
        """Say whether a record of OpenSSL's is what we would make of it.

        The nonce tells as well: under GCM, OpenSSL's are random.
        """
        return (
            number == record.sequence
            and record.fragment.startswith(record.raw[_POSITION])
            and not self._to_peer.cid
        )

    def association(self, *, received: int, sealed: int) -> Association:
        """Make what goes on after the handshake, which has ``sealed`` so many records.

        Only a server's association floats from edge to edge.
        """
        return Association(
            self._suite,
            self._keys,
            server=self._server,
            received=received,
            form=self._cids.form,
            cid=self._cids.cid,
            peer_cid=self._cids.peer_cid,
            generation=1 if self._server else 0,
            sealed=0 if self._server else sealed,
        )


def _plain(protection: Protection) -> Protection:
    """Return how OpenSSL protects the records of a side, without connection id."""
    return Protection(protection.aead, protection.secret)
