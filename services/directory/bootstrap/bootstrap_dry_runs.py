"""What a device would be asked at bootstrap, step by step, and without its secrets.

It is played as an edge plays it, by the same plan; only credentials are not made.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from homeport.identity import Means, Service
from homeport.names import AccountId, DeviceId
from homeport.protocol import alterations, bootstrap, paths, plans, profiles, resources
from homeport.protocol.bootstrap import Ask, BootstrapSession, Method, Reached
from homeport.protocol.bootstrap_requests import PACK_FORMATS
from homeport.protocol.configurations import Configuration
from homeport.protocol.formats import codecs, senml_cbor
from homeport.protocol.formats.records import Record
from homeport.protocol.handover import (
    Certificate,
    Enrollment,
    Handover,
    Mode,
    NoSec,
    Security,
    SharedKey,
)
from homeport.protocol.objects.definitions import Definitions
from homeport.protocol.paths import ROOT
from homeport.protocol.plans import Plan
from homeport.protocol.profiles import LWM2M_1_2, Profile
from services.directory.bootstrap.bootstrap_configuration_bodies import MASK, DryRunBody

ISSUED_TEXT = "issued at bootstrap"
_PLACEHOLDER = ISSUED_TEXT.encode()


@dataclass(frozen=True, slots=True)
class Handovers:
    """Where bootstrap sends devices, for how long, and whether they make their keys.

    ``addresses`` are those of the secured servers, ``coap`` that of the LwM2M server
    without security.
    """

    addresses: Mapping[Service, str]
    coap: str
    lifetime: int
    enrolls: bool


def profile_of(body: DryRunBody) -> Profile:
    """Return what a device is recognized as."""
    return LWM2M_1_2 if body.bootstrap_pack else profiles.named(body.device_profile)


def play(
    body: DryRunBody,
    configuration: Configuration,
    definitions: Definitions,
    *,
    handovers: Handovers,
    device: tuple[AccountId, DeviceId],
    now: int,
) -> dict[str, object]:
    """Play a bootstrap; return what callers see of it."""
    profile = alterations.alter(profile_of(body), configuration.alterations)
    handover = _handover(body, profile, handovers=handovers, device=device)
    plan = Plan(
        profile,
        replace(handover, server_account=configuration.short_server_id),
        configuration,
        now,
    )
    told = plans.left_out(profile, configuration)
    if body.bootstrap_pack:
        asks = _packed(body, plan)
        told = () if configuration.offers_pack else (f"GET /{bootstrap.PACK_PATH[0]}",)
    else:
        asks = _asks(plan, body)
    return {
        "object": "bootstrap-dry-run",
        "configuration_id": configuration.id or None,
        "device_id": device[1],
        "device_profile": profile.name,
        "requests": [_shown(ask, definitions) for ask in asks],
        "left_out": list(told),
    }


def _handover(
    body: DryRunBody,
    profile: Profile,
    *,
    handovers: Handovers,
    device: tuple[AccountId, DeviceId],
) -> Handover:
    enrolls = handovers.enrolls and not body.bootstrap_pack
    mode = plans.mode(profile, Means(body.means), enrolls=enrolls)
    secured = handovers.addresses[Service.LWM2M]
    base = handovers.coap if mode is Mode.NOSEC else secured
    uri = plans.server_uri(base, *device, profile)
    return Handover(uri, handovers.lifetime, _security(mode, device[1], profile))


def _security(mode: Mode, device: DeviceId, profile: Profile) -> Security:
    match mode:
        case Mode.NOSEC:
            return NoSec()
        case Mode.SHARED_KEY:
            return SharedKey(_PLACEHOLDER, _PLACEHOLDER)
        case Mode.CERTIFICATE:
            made = _PLACEHOLDER
            return Certificate(made, made, made, profile.usage)
        case Mode.ENROLLMENT:
            return Enrollment(device, _PLACEHOLDER)


def _asks(plan: Plan, body: DryRunBody) -> list[Ask]:
    """Answer everything as a device does that understands it."""
    reached: Reached = bootstrap.begin(plan, body.pct)
    asks = []
    while isinstance(reached, BootstrapSession):
        ask = reached.ask
        asks.append(ask)
        discovers = ask.method is Method.GET and not ask.path
        said = body.discovered.encode() if discovers else b""
        reached = reached.answered("2.05" if discovers else "2.04", said)
    return asks


def _packed(body: DryRunBody, plan: Plan) -> list[Ask]:
    if not plan.configuration.offers_pack:
        return []
    content_format = senml_cbor.CONTENT_FORMAT
    if body.pct in PACK_FORMATS:
        content_format = body.pct
    payload = plans.pack(plan, content_format)
    path = bootstrap.PACK_PATH
    return [Ask(Method.GET, path, content_format=content_format, payload=payload)]


def _shown(ask: Ask, definitions: Definitions) -> dict[str, object]:
    path = f"/{'/'.join(ask.path)}"
    shown: dict[str, object] = {"method": ask.method.value, "path": path}
    if ask.queries:
        shown["queries"] = list(ask.queries)
    if ask.accept is not None:
        shown["accept"] = ask.accept
    if ask.content_format is not None:
        base = ROOT if ask.path == bootstrap.PACK_PATH else paths.parse(path)
        records = codecs.decode(
            ask.content_format, ask.payload, base=base, definitions=definitions
        )
        shown["content_format"] = ask.content_format
        shown["values"] = {
            paths.build(record.path): _value(record, definitions) for record in records
        }
    return shown


def _value(record: Record, definitions: Definitions) -> object:
    if resources.is_secret(definitions.resource(record.path)):
        return MASK if record.value else ""
    if record.value == _PLACEHOLDER:
        return ISSUED_TEXT
    return None if record.value is None else resources.build(record.value)
