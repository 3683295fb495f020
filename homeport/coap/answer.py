"""What a peer hears of its request."""

from dataclasses import dataclass

from homeport.coap.codec import Code, Options

TEXT_LENGTH = 64
"""Characters of a diagnostic text; Izuma devices log no more of it (COAP-25)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; unless ``keep``, a repetition of the request is a new one (B-121)."""

    code: Code
    options: Options = ()
    payload: bytes = b""
    keep: bool = True


def explain(code: Code, reason: object) -> Answer:
    """Make an answer that says why, in a diagnostic text (RFC 7252 §5.5.2)."""
    return Answer(code, payload=str(reason)[:TEXT_LENGTH].encode())
