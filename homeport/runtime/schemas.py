"""``homeport migrate``: the schemas of all services brought up to date, at once.

Services do so themselves where they may; on Kubernetes one job does it before an
upgrade, so that no replica waits for another and none needs the right to.
"""

import importlib
from collections.abc import Mapping, Sequence
from typing import Protocol, cast

from homeport.runtime import database

MODULES: Mapping[str, str] = {
    "directory": "services.directory.schema",
    "notifier": "services.notifier.schema",
}
"""The services with tables, and where these are described."""


class Described(Protocol):
    """What each of these modules offers."""

    @property
    def SCHEMA(self) -> str:  # noqa: N802 # a constant of the module
        """The name of the schema in PostgreSQL."""

    @property
    def MIGRATIONS(self) -> str:  # noqa: N802 # a constant of the module
        """Where its steps are."""


async def migrate(url: str) -> Sequence[str]:
    """Take the steps that are new; return the names of the schemas.

    Raises Unavailable and, where a schema is newer, InvalidConfiguration. What is up to
    date stays as it is, so repeating it is harmless, also at the same time.
    """
    names = []
    for module in MODULES.values():
        described = load(module)
        async with database.connections(
            url, schema=described.SCHEMA, migrations=described.MIGRATIONS
        ):
            names.append(described.SCHEMA)
    return names


def load(module: str) -> Described:
    """Import the description of a service's tables."""
    return cast("Described", importlib.import_module(module))
