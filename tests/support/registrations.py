"""What a device says when it registers, and what applications are told of it."""

from collections.abc import Sequence

from homeport.events.facts import AnyFact, DeviceRegistered
from tests.support.lwm2m_edge import REGISTER, Edge


def changed(**parts: str) -> list[str]:
    """Say something else in a Register, or leave out what is empty."""
    given = dict(query.split("=", 1) for query in REGISTER) | parts
    return [f"{name}={value}" for name, value in given.items() if value]


async def registered(edge: Edge) -> DeviceRegistered:
    """Return the newest registration."""
    found = [each for each in await edge.facts() if isinstance(each, DeviceRegistered)]
    return found[-1]


def told(facts: Sequence[AnyFact]) -> list[str]:
    """Return what has happened, in its order."""
    return [fact.name.value for fact in facts]
