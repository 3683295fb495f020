"""What callers write of a device request: its body, and the parameters beside it."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Literal
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from homeport.errors import InvalidParameter
from homeport.protocol.device_requests import COMPOSITE, Method
from homeport.protocol.formats import codecs, senml_cbor, senml_json
from homeport.protocol.formats.payloads import LARGEST
from services.notifier.device_requests.requests import Asked, Terms
from services.notifier.subscriptions.subscriptions import normal

LARGEST_BODY = LARGEST * 4 // 3 + 65_536
"""Bytes of a body: a payload in base64 and the rest."""
LONGEST_PATH = 255
"""Characters of a path, bytes of one of its queries (R-83, RFC 7252 §5.10)."""

MOST_RETRIES = 10
SECONDS = range(60, 2_592_001)
_SENML = (senml_json.CONTENT_FORMAT, senml_cbor.CONTENT_FORMAT)
_ASYNC_ID = re.compile(r"[0-9A-Za-z_\-]{1,40}")
_NUMBER = re.compile(r"[0-9]{1,9}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class DeviceRequestBody(BaseModel):
    """What is asked of a device; what is not known is ignored (R-7)."""

    model_config = ConfigDict(populate_by_name=True)

    method: Literal["GET", "PUT", "POST", "DELETE", "FETCH", "IPATCH"] = Field(
        description=(
            "FETCH and IPATCH read and write several paths at once, which the payload "
            "names as SenML; their own path is /."
        )
    )
    uri: str = Field(
        description=(
            "The path, /3/0/0; behind a question mark the attributes that a write "
            "sets: /5/0/1?pmin=10&pmax=60."
        )
    )
    accept: str | None = Field(
        default=None, description="The content type that a read wants."
    )
    content_type: str | None = Field(
        default=None,
        alias="content-type",
        description="The payload's; without it the device takes it for text.",
    )
    payload_b64: str | None = Field(
        default=None, alias="payload-b64", description="The payload in base64."
    )


def parse(body: bytes) -> Asked:
    """Parse a body; raise InvalidParameter naming it whole (R-86)."""
    try:
        given = DeviceRequestBody.model_validate_json(body)
        path, queries = parse_uri(given.uri)
        return _checked(
            Asked(
                Method(given.method),
                path,
                queries,
                None if not given.accept else codecs.content_format(given.accept),
                None
                if not given.content_type
                else codecs.content_format(given.content_type),
                _payload(given.payload_b64 or ""),
            )
        )
    except (ValidationError, InvalidParameter, binascii.Error, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise InvalidParameter("body", f"is no device request: {reason}") from error


def parse_terms(key_id: str, query: Mapping[str, str]) -> Terms:
    """Parse the parameters of R-82; raise InvalidParameter naming the one."""
    async_id = query.get("async-id", "")
    if _ASYNC_ID.fullmatch(async_id) is None:
        raise InvalidParameter("async-id", "is not 1 to 40 word characters")
    return Terms(
        key_id,
        async_id,
        _number(query, "retry", range(MOST_RETRIES + 1)),
        _number(query, "expiry-seconds", SECONDS),
    )


def parse_uri(uri: str) -> tuple[str, tuple[str, ...]]:
    """Parse a path and its queries; raise InvalidParameter."""
    before, _, after = uri.partition("?")
    path = normal(unquote(before))
    queries = tuple(unquote(each) for each in after.split("&") if each)
    for part in (path, *queries):
        if len(part.encode()) > LONGEST_PATH or _CONTROL.search(part):
            raise InvalidParameter("path", "is too long, or has a control character")
    return path, queries


def _checked(asked: Asked) -> Asked:
    """Return a request unless it is about several paths and names none."""
    if asked.method in COMPOSITE:
        if asked.path != "/":
            raise InvalidParameter("uri", f"is not / as {asked.method} needs it")
        if asked.content_format not in _SENML or not asked.payload:
            raise InvalidParameter("payload-b64", "is no SenML")
    return asked


def _payload(text: str) -> bytes:
    payload = base64.b64decode(text, validate=True)
    if len(payload) > LARGEST:
        raise InvalidParameter("payload-b64", f"has more than {LARGEST} bytes")
    return payload


def _number(query: Mapping[str, str], name: str, allowed: range) -> int | None:
    text = query.get(name, "")
    if not text:
        return None
    if _NUMBER.fullmatch(text) is None or int(text) not in allowed:
        raise InvalidParameter(name, f"is not {allowed[0]} to {allowed[-1]}")
    return int(text)
