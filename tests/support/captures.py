"""The messages of real devices that were captured on the wire."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

FILE = Path(__file__).parents[1] / "vectors" / "captures.txt"


class Captured(NamedTuple):
    """One message and who sent it: 'device' or 'server'."""

    sender: str
    datagram: bytes


def captures() -> Mapping[str, Sequence[Captured]]:
    """Read them, in order, by the name of their capture."""
    read: dict[str, list[Captured]] = {}
    name = ""
    for line in FILE.read_text().splitlines():
        if line.startswith("# "):
            name = line[2:]
        elif line:
            sender, text = line.split()
            read.setdefault(name, []).append(Captured(sender, bytes.fromhex(text)))
    return read
