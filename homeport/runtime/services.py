"""The one table of what ``homeport run`` can run.

Modules are named here and loaded when asked for: nothing below the services may
import them.
"""

import importlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol, cast

from homeport.errors import InvalidConfiguration
from homeport.runtime.config import Settings
from homeport.runtime.probes import Probes

ALL = "all"

MODULES: Mapping[str, str] = {
    "directory": "services.directory.app",
    "lwm2m": "services.lwm2m.app",
    "bootstrap": "services.bootstrap.app",
    "expiry": "services.expiry.app",
    "notifier": "services.notifier.app",
    "api": "homeport.runtime.api",
}
"""In the order in which one process starts them."""


class Service(Protocol):
    """What each of these modules offers."""

    @property
    def SETTINGS(self) -> type[Settings]:  # noqa: N802 # a constant of the module
        """The class that reads its configuration."""

    def service(
        self, settings: Settings, probes: Probes, /
    ) -> AbstractAsyncContextManager[Mapping[str, str]]:
        """Entered: ready; yields what it has opened, scheme to URL. Left: drained."""


def select(names: Sequence[str]) -> tuple[str, ...]:
    """Return the wanted names in starting order; raise InvalidConfiguration."""
    unknown = sorted(set(names) - {*MODULES, ALL})
    if unknown:
        known = ", ".join([*MODULES, ALL])
        raise InvalidConfiguration(
            f"service {unknown[0]!r}", f"is not known; there are {known}"
        )
    if ALL in names:
        return tuple(MODULES)
    return tuple(name for name in MODULES if name in names)


def load(name: str) -> Service:
    """Import a service's module."""
    return cast("Service", importlib.import_module(MODULES[name]))
