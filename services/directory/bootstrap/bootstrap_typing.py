"""What callers want written becomes values of the types that devices know.

All errors are InvalidParameter, named by the member of the body.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from homeport.errors import InvalidInput, InvalidName, InvalidParameter
from homeport.protocol import bootstrap, paths, plans, resources
from homeport.protocol.alterations import Alterations
from homeport.protocol.bootstrap import BootstrapSession, Reached
from homeport.protocol.bootstrap_requests import FORMATS, PACK_FORMATS
from homeport.protocol.configurations import Configuration, Instance, ServerAccount
from homeport.protocol.handover import Handover, Mode, NoSec
from homeport.protocol.instances import SECURITY, SERVER
from homeport.protocol.objects import definitions as objects
from homeport.protocol.objects.definitions import Definitions, ObjectDefinition
from homeport.protocol.paths import Path
from homeport.protocol.plans import Plan
from homeport.protocol.profiles import LWM2M_1_2
from homeport.protocol.resources import Resources
from services.directory.bootstrap.bootstrap_configuration_bodies import MASK

_SHORT_SERVER_ID = {SECURITY: Path((10,)), SERVER: Path((0,))}
_URI, _BOOTSTRAP, _MODE = Path((0,)), Path((1,)), Path((2,))
_IDENTITY, _SERVER_KEY, _KEY = Path((3,)), Path((4,)), Path((5,))
_LIFETIME, _STORING, _BINDING = Path((1,)), Path((6,)), Path((7,))
_RAW_KEY = 1
_NEEDED: Mapping[object, tuple[Path, ...]] = {
    Mode.NOSEC: (),
    Mode.SHARED_KEY: (_IDENTITY, _KEY),
    _RAW_KEY: (_IDENTITY, _SERVER_KEY, _KEY),
    Mode.CERTIFICATE: (_IDENTITY, _SERVER_KEY, _KEY),
}
"""What each security mode is nothing without."""
_READABLE = (SERVER, 2)
"""The objects that a bootstrap server may read (LwM2M 1.1 core §6.1.7.5)."""


def typed(
    identity: str,
    given: Mapping[str, Any],
    definitions: Definitions,
    *,
    before: Configuration | None = None,
) -> Configuration:
    """Make a configuration of what callers say; ``before`` has the masked secrets."""
    before = before or Configuration()
    own = given["short_server_id"]
    made = Configuration(
        id=identity,
        alterations=_alterations(given["device_profile"]),
        short_server_id=own,
        server=_server(given["server"], definitions, before.server, "server"),
        servers=_servers(given["servers"], own, definitions, before),
        instances=_instances(given["objects"], definitions, before),
        reads=_reads(given["reads"]),
        offers_pack=given["bootstrap_pack"],
    )
    _check_forms(made)
    return made


def masked(given: Mapping[str, Any], definitions: Definitions) -> dict[str, Any]:
    """Return what callers may see of it: secrets are masked."""
    return {
        **given,
        "server": _masked(given["server"], definitions.find(SERVER)),
        "servers": [
            {
                **each,
                "security": _masked(each["security"], definitions.find(SECURITY)),
                "server": _masked(each["server"], definitions.find(SERVER)),
            }
            for each in given["servers"]
        ],
        "objects": [
            {
                **each,
                "resources": _masked(
                    each["resources"],
                    _definition(each, paths.parse(each["path"]), definitions),
                ),
            }
            for each in given["objects"]
        ],
    }


def _alterations(given: Mapping[str, Any]) -> Alterations:
    said = {name: value for name, value in given.items() if name != "block_size"}
    if "block_size" in given:
        said["szx"] = given["block_size"].bit_length() - 5
    return Alterations(**said)


def _servers(
    given: Sequence[Mapping[str, Any]],
    own: int,
    definitions: Definitions,
    before: Configuration,
) -> tuple[ServerAccount, ...]:
    known = {account.short_server_id: account for account in before.servers}
    taken, made = {own}, []
    for number, each in enumerate(given):
        name, short_server_id = f"servers.{number}", each["short_server_id"]
        if short_server_id in taken:
            raise InvalidParameter(f"{name}.short_server_id", "is another server's")
        taken.add(short_server_id)
        was = known.get(short_server_id, ServerAccount(0, {}, {}))
        security = _typed(
            each["security"],
            definitions.find(SECURITY),
            was.security,
            f"{name}.security",
        )
        server = _server(each["server"], definitions, was.server, f"{name}.server")
        if _LIFETIME not in server:
            raise InvalidParameter(f"{name}.server.1", "is needed: a lifetime")
        made.append(
            ServerAccount(
                short_server_id,
                _security(security, short_server_id, f"{name}.security"),
                {
                    _SHORT_SERVER_ID[SERVER]: short_server_id,
                    _LIFETIME: server[_LIFETIME],
                    _STORING: False,
                    _BINDING: "U",
                    **server,
                },
            )
        )
    return tuple(made)


def _security(given: Resources, short_server_id: int, name: str) -> Resources:
    """Check a Security instance, and order it as devices want it (BS-15)."""
    if given.get(_BOOTSTRAP, False):
        raise InvalidParameter(f"{name}.1", "is true: no server for bootstrap is told")
    if given.get(_SHORT_SERVER_ID[SECURITY], short_server_id) != short_server_id:
        raise InvalidParameter(f"{name}.10", "is not the short_server_id")
    mode = given.get(_MODE)
    if not isinstance(mode, int) or mode not in _NEEDED:
        raise InvalidParameter(f"{name}.2", "is none of the modes 0, 1, 2 and 3")
    for path in _NEEDED[mode]:
        if not given.get(path):
            raise InvalidParameter(f"{name}.{path[0]}", f"is needed in mode {mode}")
    _check_uri(given.get(_URI), f"{name}.0", secured=mode != Mode.NOSEC)
    first: Resources = {
        _URI: given[_URI],
        _BOOTSTRAP: False,
        _MODE: given[_MODE],
        **{path: given.get(path, b"") for path in (_IDENTITY, _SERVER_KEY, _KEY)},
        _SHORT_SERVER_ID[SECURITY]: short_server_id,
    }
    return {**first, **{path: given[path] for path in given if path not in first}}


def _check_uri(given: object, name: str, *, secured: bool) -> None:
    try:
        parts = urlsplit(given if isinstance(given, str) else "")
        usable = parts.hostname and parts.port
    except ValueError:
        usable = None
    schemes = ("coaps", "coaps+tcp") if secured else ("coap", "coap+tcp")
    if not usable or parts.scheme not in schemes:
        known = " or ".join(f"{scheme}://" for scheme in schemes)
        raise InvalidParameter(name, f"is no {known} with host and port")


def _server(
    given: Mapping[str, Any], definitions: Definitions, before: Resources, name: str
) -> Resources:
    found = _typed(given, definitions.find(SERVER), before, name)
    if _SHORT_SERVER_ID[SERVER] in found:
        raise InvalidParameter(f"{name}.0", "is said by short_server_id")
    if not found.get(_LIFETIME, 1):
        raise InvalidParameter(f"{name}.1", "is no lifetime")
    return found


def _instances(
    given: Sequence[Mapping[str, Any]], definitions: Definitions, before: Configuration
) -> tuple[Instance, ...]:
    known = {instance.path: instance.resources for instance in before.instances}
    made: dict[Path, Instance] = {}
    for number, each in enumerate(given):
        name = f"objects.{number}"
        path = _instance_path(each["path"], f"{name}.path")
        if path in made:
            raise InvalidParameter(f"{name}.path", "is there twice")
        definition = _definition(each, path, definitions, name)
        if not definition.multiple and path[1]:
            raise InvalidParameter(f"{name}.path", "has a single instance, 0")
        found = _typed(
            each["resources"], definition, known.get(path, {}), f"{name}.resources"
        )
        if not found:
            raise InvalidParameter(f"{name}.resources", "is empty")
        made[path] = Instance(path, found)
    return tuple(made.values())


def _instance_path(text: str, name: str) -> Path:
    path = _path(text, name)
    if len(path) != paths.INSTANCE:
        raise InvalidParameter(name, "is no object instance: /3/0")
    if path[0] in (SECURITY, SERVER):
        raise InvalidParameter(name, "is of a server: see server and servers")
    return path


def _definition(
    given: Mapping[str, Any], path: Path, definitions: Definitions, name: str = ""
) -> ObjectDefinition:
    version = None
    if given.get("version"):
        try:
            version = objects.parse_version(given["version"])
        except InvalidName as error:
            raise InvalidParameter(f"{name}.version", error.reason) from error
    found = definitions.find(path[0], version)
    if found is None:
        reason = f"is of object {path[0]}, of which there is no such definition"
        raise InvalidParameter(f"{name}.path", reason)
    return found


def _reads(given: Sequence[str]) -> tuple[Path, ...]:
    made = []
    for number, text in enumerate(given):
        name = f"reads.{number}"
        path = _path(text, name)
        if not path or path[0] not in _READABLE or len(path) > paths.INSTANCE:
            raise InvalidParameter(name, "is neither /1 nor /2 nor one of them")
        made.append(path)
    return tuple(dict.fromkeys(made))


def _path(text: str, name: str) -> Path:
    try:
        return paths.parse(text)
    except InvalidName as error:
        raise InvalidParameter(name, error.reason) from error


def _typed(
    given: Mapping[str, Any],
    definition: ObjectDefinition | None,
    before: Resources,
    name: str,
) -> Resources:
    """Type resources in the order they come in; masked ones stay what they were."""
    if definition is None:
        raise InvalidParameter(name, "is of an object that is not known")
    found: dict[Path, Any] = {}
    for number, value in given.items():
        kept = {path: before[path] for path in before if str(path[0]) == number}
        if value == MASK and _is_secret(definition, number):
            if not kept:
                raise InvalidParameter(f"{name}.{number}", "is masked and was nothing")
            found |= kept
            continue
        try:
            found |= resources.parse({number: value}, definition)
        except InvalidParameter as error:
            raise InvalidParameter(f"{name}.{error.name}", error.reason) from error
    return found


def _masked(
    given: Mapping[str, Any], definition: ObjectDefinition | None
) -> dict[str, Any]:
    return {
        number: MASK if definition and _is_secret(definition, number) else value
        for number, value in given.items()
    }


def _is_secret(definition: ObjectDefinition, number: str) -> bool:
    found = definition.resources.get(int(number)) if number.isdecimal() else None
    return resources.is_secret(found)


def _check_forms(made: Configuration) -> None:
    """Raise InvalidParameter for what cannot be said in each format."""
    plan = Plan(LWM2M_1_2, Handover("coap://127.0.0.1:5683", 1, NoSec()), made)
    for content_format in FORMATS:
        try:
            _play(plan, content_format)
            if content_format in PACK_FORMATS:
                plans.pack(plan, content_format)
        except InvalidInput as error:
            reason = f"cannot be said in {content_format}: {error}"
            raise InvalidParameter("objects", reason) from error


def _play(plan: Plan, content_format: int) -> None:
    reached: Reached = bootstrap.begin(plan, content_format)
    while isinstance(reached, BootstrapSession):
        _ = reached.ask
        reached = reached.answered("2.04", b"")
