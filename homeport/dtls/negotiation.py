"""The agreement on connection ids, in the extensions of both hellos (RFC 9146 §3)."""

from collections.abc import Sequence

from homeport.dtls.association import CidForm
from homeport.dtls.context import CID_FORMS


class CidNegotiation:
    """One side of it; ``own`` is the id for records that this side receives.

    None agrees to nothing. An empty one is fine for a client: its records go without.
    ``form`` is what both sides speak: of several, the first of ours. ``cid`` stands on
    records that we receive, ``peer_cid`` on those that we send.
    """

    __slots__ = ("_forms", "_own", "_peers", "cid", "form", "peer_cid")

    def __init__(
        self, own: bytes | None, *, forms: Sequence[CidForm] = CID_FORMS
    ) -> None:
        self._own = own
        self._forms = forms if own is not None else ()
        self._peers: dict[CidForm, bytes] = {}
        self.form = CidForm.NONE
        self.cid = self.peer_cid = b""

    def content(self, number: int) -> bytes | None:
        """Return what our hello says in the extension; None leaves it out."""
        if number not in self._forms or self._own is None:
            return None
        return bytes((len(self._own),)) + self._own

    def take(self, number: int, content: bytes) -> bool:
        """Take the extension of the peer's hello; False if it is malformed."""
        if not content or content[0] != len(content) - 1:
            return False
        if number in self._forms:
            self._peers[CidForm(number)] = content[1:]
            self.form = next(form for form in self._forms if form in self._peers)
            self.cid, self.peer_cid = self._own or b"", self._peers[self.form]
        return True
