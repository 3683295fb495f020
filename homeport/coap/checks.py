"""Options that decide whether a message is dealt with at all (RFC 7252 §5.4)."""

from homeport.coap.codec import Code, Message, Option

_UNDERSTOOD = frozenset(
    {Option.URI_HOST, Option.URI_PORT, Option.URI_PATH, Option.URI_QUERY}
    | {Option.CONTENT_FORMAT, Option.ACCEPT, Option.BLOCK1, Option.BLOCK2}
)
_REPEATABLE = frozenset({Option.URI_PATH, Option.URI_QUERY})
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


def is_unwanted(message: Message, code: Code) -> bool:
    """Say whether a peer wants no answer of this class (RFC 7967 §2.1)."""
    unwanted = message.number(Option.NO_RESPONSE)
    return bool(unwanted) and bool(unwanted >> ((code >> 5) - 1) & 1)
