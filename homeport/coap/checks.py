"""Options that decide whether a message is dealt with at all (RFC 7252 §5.4)."""

from collections.abc import Mapping

from homeport.coap.codec import Code, Message, Option

_UNDERSTOOD = frozenset(
    {Option.URI_HOST, Option.URI_PORT, Option.URI_PATH, Option.URI_QUERY}
    | {Option.CONTENT_FORMAT, Option.ACCEPT, Option.BLOCK1, Option.BLOCK2}
)
_REPEATABLE = frozenset({Option.URI_PATH, Option.URI_QUERY})
_LONGEST_IN_RESPONSE: Mapping[int, int] = {
    Option.ETAG: 8,
    Option.OBSERVE: 3,
    Option.CONTENT_FORMAT: 2,
    Option.MAX_AGE: 4,
    Option.BLOCK2: 3,
    Option.BLOCK1: 3,
    Option.SIZE2: 4,
    Option.SIZE1: 4,
}
_LONGEST: Mapping[int, int] = {
    **_LONGEST_IN_RESPONSE,
    Option.URI_PATH: 255,
    Option.URI_QUERY: 255,
    Option.ACCEPT: 2,
}
"""Bytes of an option's value (RFC 7252 §5.10, RFC 7641 §2, RFC 7959 §2.1 and §4)."""
_FIRST_RESPONSE = 64
_FIRST_PRINTABLE = 0x20
_PROXY = frozenset({Option.PROXY_URI, Option.PROXY_SCHEME})


def refusal(message: Message) -> Code | None:
    """Return what a request with options that we cannot honor is answered."""
    if any(number in _PROXY for number, _ in message.options):
        return Code.PROXYING_NOT_SUPPORTED
    if has_unknown_critical(message):
        return Code.BAD_OPTION
    try:
        _ = message.path, message.queries
    except UnicodeDecodeError:
        return Code.BAD_REQUEST
    return None


def has_unknown_critical(message: Message) -> bool:
    """Say whether an option that must not be ignored is none that we know.

    One that must not stand twice is unknown the second time (§5.4.5).
    """
    seen: set[int] = set()
    for number, _ in message.options:
        if not number & 1:
            continue
        if number not in _UNDERSTOOD or number in seen:
            return True
        if number not in _REPEATABLE:
            seen.add(number)
    return False


def holds_another(message: Message) -> bool:
    """Say whether options look like the beginning of a message behind this one.

    A datagram's form has no length, so that a second one in a TLS record would be taken
    for options of the first. Izuma's devices write one message into a record, and in it
    no more than these options (TRN-8); text of theirs has no control characters.
    """
    longest = _LONGEST if message.code < _FIRST_RESPONSE else _LONGEST_IN_RESPONSE
    seen: set[int] = set()
    for number, value in message.options:
        if len(value) > longest.get(number, -1):
            return True
        if number in _REPEATABLE:
            if value and min(value) < _FIRST_PRINTABLE:
                return True
        elif number in seen:
            return True
        seen.add(number)
    return False


def is_unwanted(message: Message, code: Code) -> bool:
    """Say whether a peer wants no answer of this class (RFC 7967 §2.1)."""
    unwanted = message.number(Option.NO_RESPONSE)
    return bool(unwanted) and bool(unwanted >> ((code >> 5) - 1) & 1)
