"""The order of what an observation tells (RFC 7641 §3.4)."""

from homeport.coap.codec import Message, Option

FRESH_SECONDS = 128.0
"""After so long a notification is newer, whatever its number is."""

_NUMBERS = 1 << 24


def is_newer(message: Message, than: Message, *, seconds: float) -> bool:
    """Say whether a notification that came so much later tells something newer.

    One without a number is an error, which ends its observation: nothing is newer.
    """
    number, known = message.number(Option.OBSERVE), than.number(Option.OBSERVE)
    if number is None or known is None or seconds > FRESH_SECONDS:
        return True
    return 0 < (number - known) % _NUMBERS < _NUMBERS // 2
