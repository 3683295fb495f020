"""The CoRE link format: what a device says that it has (RFC 6690).

More is read than the RFC allows where devices in the field write it: blanks after a
comma, quotes around numbers. One pass, in time that grows with the length alone.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from homeport.errors import InvalidFormat

CONTENT_FORMAT = 40
MOST_LINKS = 16_384
LONGEST = 102_400
"""Bytes of a payload, as many as block-wise transfer carries (B-218)."""

Attributes = Mapping[str, str | bool]
"""Link attributes in their order; True for one without a value (``;obs``)."""


@dataclass(frozen=True, slots=True)
class Link:
    """A target, as it stands between the angle brackets, and what is said of it."""

    target: str
    attributes: Attributes


_LINK = re.compile(r"<([^<>\x00-\x20\x7f]*+)>")
_ATTRIBUTE = re.compile(
    r"""
    ;([!#$%&'*+.^_`|~0-9A-Za-z-]++)                                # the name
    (?:=(?:
        "((?:[^"\\\x00-\x1f\x7f] | \\[^\x00-\x1f\x7f])*+)"         # in quotes
        | ([^\s",;\\\x00-\x1f\x7f]++)                              # or without
    ))?+
    """,
    re.VERBOSE,
)
_SEPARATOR = re.compile(r",[ \t\r\n]*+")
_ESCAPED = re.compile(r"\\(.)")
_TO_ESCAPE = re.compile(r'(["\\])')
_BARE = re.compile(r"[0-9A-Za-z.+-]+")


def parse(payload: bytes) -> tuple[Link, ...]:
    """Parse a payload; nothing is no links. Raises InvalidFormat with the position."""
    if len(payload) > LONGEST:
        raise _invalid(f"has more than {LONGEST} bytes", LONGEST)
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        raise _invalid("is not UTF-8", error.start) from error
    links: list[Link] = []
    at, end = 0, len(text)
    while at < end:
        if links:
            at = _parse_separator(text, at)
        if len(links) == MOST_LINKS:
            raise _invalid(f"has more than {MOST_LINKS} links", at)
        opened = _LINK.match(text, at)
        if opened is None:
            raise _invalid("has no link", at)
        attributes, at = _parse_attributes(text, opened.end())
        links.append(Link(opened[1], attributes))
    return tuple(links)


def build(links: Iterable[Link]) -> bytes:
    """Build the payload that `parse` reads."""
    return ",".join(map(_build_link, links)).encode()


def _parse_separator(text: str, at: int) -> int:
    comma = _SEPARATOR.match(text, at)
    if comma is None:
        raise _invalid("breaks off in a link", at)
    return comma.end()


def _parse_attributes(text: str, at: int) -> tuple[dict[str, str | bool], int]:
    """Return the attributes that begin here; of two with one name the first counts.

    So RFC 6690 §3.1 wants it for ``rt`` and ``if``.
    """
    attributes: dict[str, str | bool] = {}
    while (found := _ATTRIBUTE.match(text, at)) is not None:
        name, quoted, bare = found.groups()
        if name not in attributes:
            attributes[name] = bare or _unescape(quoted)
        at = found.end()
    return attributes, at


def _unescape(quoted: str | None) -> str | bool:
    if quoted is None:
        return True
    return _ESCAPED.sub(r"\1", quoted) if "\\" in quoted else quoted


def _build_link(link: Link) -> str:
    parts = [f"<{link.target}>"]
    for name, value in link.attributes.items():
        if isinstance(value, bool):
            parts.append(name)
        elif _BARE.fullmatch(value):
            parts.append(f"{name}={value}")
        else:
            escaped = _TO_ESCAPE.sub(r"\\\1", value)
            parts.append(f'{name}="{escaped}"')
    return ";".join(parts)


def _invalid(reason: str, position: int) -> InvalidFormat:
    return InvalidFormat("link format", reason, position=position)
