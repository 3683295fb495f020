"""What one device is to be given: by its profile, its handover and its configuration.

A plan decides what is asked of the device and in which order; how far that has come is
a `homeport.protocol.bootstrap.BootstrapSession`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from homeport.identity import Means
from homeport.names import AccountId, DeviceId
from homeport.protocol import handover as handovers
from homeport.protocol import paths, resources
from homeport.protocol.configurations import DEFAULT, Configuration, ServerAccount
from homeport.protocol.formats import codecs
from homeport.protocol.formats.records import Record
from homeport.protocol.handover import Handover, Mode
from homeport.protocol.instances import NOTHING, SECURITY, SERVER, Listing
from homeport.protocol.paths import ROOT, Path
from homeport.protocol.profiles import Profile, Step


@dataclass(frozen=True, slots=True)
class Task:
    """A step of a plan; ``number`` is which of its servers, instances or reads."""

    step: Step
    number: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What a device is to be given; ``now`` is in seconds since 1970."""

    profile: Profile
    handover: Handover
    configuration: Configuration = DEFAULT
    now: int = 0

    @property
    def accounts(self) -> tuple[ServerAccount, ...]:
        """The servers that it is told of, ours first."""
        server = handovers.server_resources(self.handover)
        ours = ServerAccount(
            self.handover.server_account,
            handovers.security_resources(self.handover),
            {**server, **self.configuration.server},
        )
        if self.profile.sole_account:
            return (ours,)
        return (ours, *self.configuration.servers)

    @property
    def tasks(self) -> tuple[Task, ...]:
        """What is asked of it, in order."""
        return tuple(self._tasks())

    def security(self, number: int, listing: Listing) -> tuple[Record, ...]:
        """Return what its Security instance of a server consists of."""
        account = self.accounts[number]
        return self._placed(account.security, SECURITY, number, listing)

    def server(self, number: int, listing: Listing) -> tuple[Record, ...]:
        """Return what its Server instance of a server consists of."""
        account = self.accounts[number]
        return self._placed(account.server, SERVER, number, listing)

    def instance(self, number: int) -> tuple[Record, ...]:
        """Return what one of the other instances consists of."""
        wanted = self.configuration.instances[number]
        return resources.records(wanted.resources, wanted.path, now=self.now)

    def written_at(self, records: tuple[Record, ...]) -> Path:
        """Return the path that an instance is written to (BS-15, BS-20)."""
        whole = paths.OBJECT if self.profile.takes_instances else paths.INSTANCE
        return Path(records[0].path[:whole])

    def _placed(
        self,
        values: resources.Resources,
        object_id: int,
        number: int,
        listing: Listing,
    ) -> tuple[Record, ...]:
        short_server_ids = [each.short_server_id for each in self.accounts]
        first = self.profile.first_instance
        placed = listing.place(object_id, short_server_ids, first=first)
        instance = Path((object_id, placed[number]))
        return resources.records(values, instance, now=self.now)

    def _tasks(self) -> Iterator[Task]:
        servers = range(len(self.accounts))
        steps = self.profile.steps
        for step in steps:
            match step:
                case Step.WRITE_SECURITY:
                    yield from (Task(step, number) for number in servers)
                    if self.configuration.server and Step.WRITE_SERVER not in steps:
                        yield Task(Step.WRITE_SERVER)
                case Step.WRITE_SERVER:
                    yield from (Task(step, number) for number in servers)
                case Step.FINISH:
                    yield from self._others()
                    yield Task(step)
                case _:
                    yield Task(step)

    def _others(self) -> Iterator[Task]:
        for number, instance in enumerate(self.configuration.instances):
            if _takes(self.profile, instance.path):
                yield Task(Step.WRITE_INSTANCE, number)
        if self.profile.readable:
            for number in range(len(self.configuration.reads)):
                yield Task(Step.READ, number)


def pack(plan: Plan, content_format: int) -> bytes:
    """Write all of a plan down in one payload (B-194).

    Raises InvalidValue and UnsupportedFormat.
    """
    records: list[Record] = []
    for number in range(len(plan.accounts)):
        records += plan.security(number, NOTHING)
        records += plan.server(number, NOTHING)
    for number in range(len(plan.configuration.instances)):
        records += plan.instance(number)
    return codecs.encode(content_format, records, base=ROOT)


def left_out(profile: Profile, configuration: Configuration) -> tuple[str, ...]:
    """Name what is in a configuration and no device of a profile is asked for."""
    named = [
        f"server {account.short_server_id}"
        for account in configuration.servers
        if profile.sole_account
    ]
    named += [
        paths.build(instance.path)
        for instance in configuration.instances
        if not _takes(profile, instance.path)
    ]
    if not profile.readable:
        named += [f"GET {paths.build(path)}" for path in configuration.reads]
    return tuple(named)


def mode(profile: Profile, means: Means, *, enrolls: bool) -> Mode:
    """Return how a device is to be secure, by its kind and by what it came with.

    ``enrolls`` says that devices make their own keys if they can.
    """
    match means:
        case Means.NOTHING:
            return Mode.NOSEC
        case _ if enrolls and profile.enrolls:
            return Mode.ENROLLMENT
        case Means.SHARED_KEY if profile.takes_keys:
            return Mode.SHARED_KEY
        case _:
            return Mode.CERTIFICATE


def server_uri(
    base: str, account: AccountId, device: DeviceId, profile: Profile
) -> str:
    """Return the URI to hand over; some devices register by its query (BS-19)."""
    return f"{base}?aid={account}&iep={device}" if profile.addressed else base


def _takes(profile: Profile, path: Path) -> bool:
    return profile.objects is None or path[0] in profile.objects
