"""How the kinds of devices speak that are simulated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from homeport.coap.codec import Option, Options
from homeport.protocol import linkformat
from homeport.protocol.formats import lwm2m_cbor, senml_cbor
from homeport.simulator.accounts import Account

STRUCTURE = (
    '</>;rt="oma.lwm2m";ct=11542,</1/1>,</3/0/0>,</3/0/1>,</3/0/2>,</3/0/4>,'
    "</3/0/9>;obs,</3/0/13>;obs,</3/0/14>,</3303/0/5700>;obs,</3303/0/5701>,"
    "</5/0/3>;obs"
)
_IZUMA_STRUCTURE = (
    "</1/0/1>,</3/0/0>,</3/0/1>,</3/0/4>,</3/0/5>,</3/0/13>;obs,</3200/0/5501>;obs,"
    '</10252/0/2>;aobs="350",</14/0/2>;rt="Component Version";v="0.0.0",</35011>,'
    '</35011/0>,</35011/0/27002>;rt="Enroll"'
)
_LINK_FORMAT = (int(Option.CONTENT_FORMAT), bytes([linkformat.CONTENT_FORMAT]))
_NOT_TO_BE_CACHED = (int(Option.MAX_AGE), b"")
"""What only Izuma's clients put into requests (COAP-2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One kind of device.

    At bootstrap it prefers a ``content_format`` for writes, if it says any, and asks
    for all of it at once first where it ``packs``. It is ``izuma`` where it speaks as
    Izuma's clients do: it takes whole instances in TLV alone, brings its own Server
    object, and lists in updates what is new.
    """

    name: str
    version: str
    content_format: int | None = None
    packs: bool = False
    izuma: bool = False
    structure: str = STRUCTURE

    @property
    def options(self) -> Options:
        """What stands in its requests without links."""
        return (_NOT_TO_BE_CACHED,) if self.izuma else ()

    @property
    def links(self) -> Options:
        """What stands in its requests with links."""
        return (_LINK_FORMAT, *self.options)

    @property
    def update(self) -> Options:
        """What stands in its updates without links (UPD-1)."""
        return self.links if self.izuma else ()

    def bootstrap(self, account: Account, name: str, device_id: str) -> Sequence[str]:
        """Return what it says when it asks for a bootstrap."""
        queries = [f"ep={name}", *_queries(account)]
        if device_id:
            queries.append(f"iep={device_id}")
        if self.izuma:
            queries.append(f"mccv={_CLIENT}")
        elif self.content_format is not None:
            queries.append(f"pct={self.content_format}")
        return queries

    def register(
        self, account: Account, name: str, *, lifetime: int, sleeps: bool
    ) -> Sequence[str]:
        """Return what it says when it registers (REG-1, REG-3, UPD-7)."""
        if not self.izuma:
            queue_mode = [] if not sleeps or self.version == "1.0" else ["Q"]
            binding = "UQ" if sleeps and self.version == "1.0" else "U"
            return [
                *(f"ep={name}", f"lt={lifetime}", f"lwm2m={self.version}"),
                f"b={binding}",
                *_queries(account),
                *queue_mode,
            ]
        known = [*_queries(account), f"mccv={_CLIENT}"] if account.credential else []
        binding = "UQ" if sleeps else "U"
        return [
            *(f"ep={name}", "et=default", f"lt={lifetime}"),
            *(f"lwm2m={self.version}", f"b={binding}", *known),
        ]

    def changed(self, link: str) -> str:
        """Return what it lists when a link has come to its structure (UPD-3)."""
        return link if self.izuma else f"{self.structure},{link}"

    @property
    def updates(self) -> Sequence[str]:
        """What it says in each update."""
        return ("et=default",) if self.izuma else ()


_CLIENT = "4.13.2"
"""The version of Izuma's client that was captured."""

LWM2M_1_0 = Dialect(name="lwm2m-1.0", version="1.0")
LWM2M_1_1 = Dialect(
    name="lwm2m-1.1", version="1.1", content_format=senml_cbor.CONTENT_FORMAT
)
LWM2M_1_2 = Dialect(
    name="lwm2m-1.2",
    version="1.2",
    content_format=lwm2m_cbor.CONTENT_FORMAT,
    packs=True,
)
IZUMA = Dialect(name="izuma", version="1.0", izuma=True, structure=_IZUMA_STRUCTURE)

DIALECTS: Mapping[str, Dialect] = {
    each.name: each for each in (IZUMA, LWM2M_1_0, LWM2M_1_1, LWM2M_1_2)
}


def _queries(account: Account) -> list[str]:
    """Return what a server's URL has devices say, as Izuma's do (BS-1)."""
    return [each for each in urlsplit(account.url).query.split("&") if each]
