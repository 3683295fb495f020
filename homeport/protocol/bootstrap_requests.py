"""What devices say when they ask for a bootstrap, or for all of it in one answer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from homeport import names
from homeport.errors import InvalidName, InvalidParameter
from homeport.names import AccountId, DeviceId, EndpointName
from homeport.protocol import profiles, tlv
from homeport.protocol import queries as parameters
from homeport.protocol.formats import lwm2m_cbor, senml_cbor, senml_json
from homeport.protocol.profiles import LWM2M_1_2, Profile

FORMATS = (
    senml_json.CONTENT_FORMAT,
    senml_cbor.CONTENT_FORMAT,
    tlv.CONTENT_FORMAT,
    lwm2m_cbor.CONTENT_FORMAT,
)
"""The content formats in which a device may be written to."""
PACK_FORMATS = (
    senml_json.CONTENT_FORMAT,
    senml_cbor.CONTENT_FORMAT,
    lwm2m_cbor.CONTENT_FORMAT,
)
"""Those that can say something of several objects."""

_PREFERRED = "pct"


@dataclass(frozen=True, slots=True)
class BootstrapRequest:
    """What a device says when it asks; ``iep`` is a hint and never a proof (B-059).

    It is to be written to in ``content_format``; ``packed`` says that it wants all of
    it in the answer.
    """

    endpoint_name: EndpointName | None
    account: AccountId | None
    iep: DeviceId | None
    profile: Profile
    content_format: int = tlv.CONTENT_FORMAT
    packed: bool = False


def parse(queries: Sequence[str], *, has_max_age: bool) -> BootstrapRequest:
    """Parse a POST /bs; raise the InvalidInput that says what is wrong.

    ``has_max_age`` is as in `profiles.recognize`.
    """
    given = parameters.parse(queries)
    profile = profiles.recognize(queries, has_max_age=has_max_age)
    iep = _hint(given.get("iep"))
    return BootstrapRequest(
        names.parse_endpoint_name(given["ep"]) if "ep" in given else None,
        names.parse_account_id(given["aid"]) if "aid" in given else None,
        iep,
        profile if iep is None else profiles.again(profile),
        _content_format(given.get(_PREFERRED)),
    )


def parse_pack(queries: Sequence[str], *, accept: int | None) -> BootstrapRequest:
    """Parse a GET /bspack, which only clients of LwM2M 1.2 send; raise InvalidInput."""
    return replace(
        parse(queries, has_max_age=False),
        profile=LWM2M_1_2,
        content_format=senml_cbor.CONTENT_FORMAT if accept is None else accept,
        packed=True,
    )


def _content_format(preferred: str | None) -> int:
    """Return the format that a device prefers; TLV if it does not say (B-191).

    Refused with 4.00, not with 4.15: an Izuma device would never come again (B-065).
    """
    if preferred is None:
        return tlv.CONTENT_FORMAT
    for content_format in FORMATS:
        if preferred == str(content_format):
            return content_format
    known = ", ".join(map(str, FORMATS))
    raise InvalidParameter(_PREFERRED, f"is none of {known}")


def _hint(iep: str | None) -> DeviceId | None:
    try:
        return names.parse_device_id(iep) if iep is not None else None
    except InvalidName:
        return None
