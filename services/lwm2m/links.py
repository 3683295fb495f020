"""What Izuma's devices say in the links of their resources besides the structure.

They tell values, and under which tokens they will notify of what they observe by
themselves (REG-5, OBS-2).
"""

from collections.abc import Iterable, Iterator, Mapping

from homeport.errors import InvalidName
from homeport.protocol import paths
from homeport.protocol.linkformat import Attributes
from homeport.store import values
from homeport.store.values import LastValue
from services.lwm2m.contents import DEFAULT_MAX_AGE

_TEXT = 0
"""The content format of values in links; opaque ones are in base64, as text is."""
_LARGEST_TOKEN = 65_535
_AUTO_OBSERVED, _VALUE = "aobs", "v"


def observed(structure: Mapping[str, Attributes]) -> str:
    """Return lines of a token and the path that a device notifies of with it."""
    return "".join(
        f"{int(number):04x} {path}\n"
        for path, number in _said(structure.items(), _AUTO_OBSERVED)
        if number.isascii() and number.isdigit() and int(number) <= _LARGEST_TOKEN
    )


def reported(links: Iterable[tuple[str, Attributes]], now: int) -> str:
    """Return lines of a path and the value it has; ``now`` is in ms since 1970."""
    fresh_until = now + DEFAULT_MAX_AGE * 1000
    lines = []
    for path, text in _said(links, _VALUE):
        if kept := values.build(LastValue(_TEXT, text.encode(), now, fresh_until)):
            lines.append(f"{path} {kept}\n")
    return "".join(lines)


def _said(
    links: Iterable[tuple[str, Attributes]], attribute: str
) -> Iterator[tuple[str, str]]:
    """Yield what an attribute says of resources, and of nothing else."""
    for path, attributes in links:
        said = attributes.get(attribute)
        if isinstance(said, str) and _is_resource(path):
            yield path, said


def _is_resource(path: str) -> bool:
    try:
        return len(paths.parse(path)) >= paths.RESOURCE
    except InvalidName:
        return False
