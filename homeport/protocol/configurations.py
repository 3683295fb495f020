"""What accounts want their devices to be given at bootstrap, besides their credentials.

Of the configurations of an account one counts for a device: the one with the highest
priority, and of these the oldest, whose pattern its name fits and whose kinds of
devices it is one of.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from homeport.names import EndpointName
from homeport.protocol.alterations import NOTHING, Alterations
from homeport.protocol.handover import SERVER_ACCOUNT
from homeport.protocol.paths import Path
from homeport.protocol.profiles import Profile
from homeport.protocol.resources import Resources

SHORT_SERVER_IDS = range(1, 65_535)
"""Those that a server may have (B-192)."""


@dataclass(frozen=True, slots=True)
class Selector:
    """Which devices a configuration is for: by a pattern of names, and by profiles.

    An empty pattern fits every name, no profiles are all of them. ``made`` orders those
    with the same priority, in microseconds since 1970.
    """

    id: str
    priority: int = 0
    endpoint_names: str = ""
    profiles: tuple[str, ...] = ()
    made: int = 0

    def fits(self, endpoint_name: EndpointName, profile: Profile) -> bool:
        """Say whether it is for such a device."""
        return (not self.profiles or profile.name in self.profiles) and (
            not self.endpoint_names or fnmatchcase(endpoint_name, self.endpoint_names)
        )


@dataclass(frozen=True, slots=True)
class ServerAccount:
    """One server in both objects: how to be secure there, and how to be served.

    Both have the same short server id, in resource 10 of the one and 0 of the other.
    """

    short_server_id: int
    security: Resources = field(repr=False)
    server: Resources


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance of an object other than those of servers."""

    path: Path
    resources: Resources = field(repr=False)


@dataclass(frozen=True, slots=True)
class Configuration:
    """What devices are given; ``server`` is what is different in our own account.

    ``servers`` are others that devices register at as well. What is below ``reads`` is
    read when all is written, and told with the end of the bootstrap. ``offers_pack``
    says that devices may fetch all of it at once (B-194).
    """

    id: str = ""
    alterations: Alterations = NOTHING
    short_server_id: int = SERVER_ACCOUNT
    server: Resources = field(default_factory=dict)
    servers: tuple[ServerAccount, ...] = ()
    instances: tuple[Instance, ...] = ()
    reads: tuple[Path, ...] = ()
    offers_pack: bool = False


DEFAULT = Configuration()
"""What devices are given where their account wants nothing else."""


def select(
    selectors: Iterable[Selector], endpoint_name: EndpointName, profile: Profile
) -> Selector | None:
    """Return the one that counts for a device, if one does."""
    fitting = (each for each in selectors if each.fits(endpoint_name, profile))
    return min(
        fitting, key=lambda each: (-each.priority, each.made, each.id), default=None
    )
