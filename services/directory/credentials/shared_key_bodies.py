"""The JSON bodies of shared keys, and the words for what is wrong with one."""

import re
from dataclasses import dataclass, field

from pydantic import BaseModel, Field, ValidationError

from homeport.identity import Service
from homeport.names import EndpointName
from services.directory import bodies
from services.directory.answers import Refused
from services.directory.catalog import SHARED_KEYS, Listing
from services.directory.queries import Query

_ENDPOINT_NAME = re.compile("[ -~]{16,64}")
_SECRET = re.compile("(?:0[xX])?((?:[0-9a-fA-F]{2}){16,32})")

WORDS = {
    "endpoint_name": "INVALID_ENDPOINT_NAME",
    "secret_hex": "INVALID_SECRET_HEX",
    "service": "INVALID_SERVICE",
}
"""The word for each member that is wrong."""


class SharedKeyBody(BaseModel):
    """A key to be registered; what is not known is ignored (R-7)."""

    endpoint_name: str = Field(
        pattern=f"^{_ENDPOINT_NAME.pattern}$",
        description="What the device calls itself; also its PSK identity.",
    )
    secret_hex: str = Field(
        pattern=f"^{_SECRET.pattern}$",
        description="The key, 16 to 32 bytes in hex.",
        repr=False,
    )
    service: Service = Field(
        default=Service.BOOTSTRAP,
        description="Which server it opens; lwm2m is for devices that never bootstrap.",
    )


@dataclass(frozen=True, slots=True)
class Given:
    """A key that somebody registers."""

    endpoint_name: EndpointName
    secret: bytes = field(repr=False)
    service: Service


def parse(body: bytes) -> Given:
    """Parse what is to be registered; raise Refused with all words that apply."""
    try:
        given = SharedKeyBody.model_validate_json(body)
    except ValidationError as error:
        found = {each["loc"][0] for each in error.errors() if each["loc"]}
        words = [word for member, word in WORDS.items() if member in found]
        text = ",".join(words) or "MALFORMED_JSON_CONTENT"
        raise Refused(400, text, f"{text} in the body") from error
    secret = given.secret_hex.lower().removeprefix("0x")
    return Given(
        EndpointName(given.endpoint_name), bytes.fromhex(secret), given.service
    )


def parse_endpoint_name(text: str) -> EndpointName | None:
    """Validate a name that a key may be for (R-80)."""
    return EndpointName(text) if _ENDPOINT_NAME.fullmatch(text) else None


def build_list(listing: Listing, query: Query) -> dict[str, object]:
    """Build a page of a list, with the marker that leads to the next one (R-20)."""
    body = bodies.build_list(listing, query, SHARED_KEYS.fields)
    marker = listing.rows[-1].id if listing.has_more else None
    return body | {"continuation_marker": marker}
