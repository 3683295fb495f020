"""Text from outside, as PostgreSQL takes it."""

_NUL = "\0"
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def storable(text: str) -> str:
    """Return a text with something visible in the place of each NUL character.

    PostgreSQL refuses them, and a fact that cannot be stored would come again for ever.
    """
    return text.replace(_NUL, _REPLACEMENT)
