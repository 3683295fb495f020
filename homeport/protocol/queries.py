"""The parameters that LwM2M puts into Uri-Query: ``ep=kitchen``, or a bare ``Q``."""

import re
from collections.abc import Sequence

from homeport.errors import InvalidParameter

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_LONGEST_NAME = 32


def parse(queries: Sequence[str]) -> dict[str, str]:
    """Return value by name, "" for a name alone, in the order of the request.

    Raises InvalidParameter for a name that stands twice (B-200) and for control
    characters, which no parameter has a use for.
    """
    parameters: dict[str, str] = {}
    for query in queries:
        name, _, value = query.partition("=")
        if _CONTROL.search(query):
            raise InvalidParameter(_shown(name), "has a control character")
        if name in parameters:
            raise InvalidParameter(_shown(name), "stands twice")
        parameters[name] = value
    return parameters


def _shown(name: str) -> str:
    """Shorten a name for a sentence that may be cut at any byte."""
    return ascii(name[:_LONGEST_NAME])[1:-1]
