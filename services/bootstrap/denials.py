"""Refusals that stay on the record: whose devices they were, and why (B-067)."""

from homeport import names
from homeport.coap.answer import explain
from homeport.coap.codec import Code, code_text
from homeport.errors import NotAllowed
from homeport.events.facts import FactName
from homeport.identity import Identity
from homeport.names import AccountId, DeviceId, EndpointName
from homeport.store.operations import Refuse
from services.bootstrap import bodies
from services.bootstrap.attempts import Denial, Scene

_STEP = "POST /bs"
"""What refused devices asked for; those that fetched all of it come with that next."""


def unknown(error: NotAllowed, identity: Identity, scene: Scene) -> Denial:
    """Deny a device of which no more is known than what it has proved."""
    account = identity.account or names.PLATFORM_ACCOUNT
    name = identity.endpoint_name or EndpointName("")
    device = identity.device or names.device_id(account, name)
    return known(
        error, identity, scene, account=account, device=device, endpoint_name=name
    )


def known(
    error: NotAllowed,
    identity: Identity,
    scene: Scene,
    *,
    account: AccountId,
    device: DeviceId,
    endpoint_name: EndpointName,
) -> Denial:
    """Deny a device."""
    refusal = explain(Code.FORBIDDEN, error)
    return Denial(
        Refuse(
            bucket=names.bucket(device, scene.buckets),
            device=device,
            account=account,
            endpoint_name=endpoint_name,
            fact=FactName.BOOTSTRAP_FAILED,
            body=bodies.failed(
                _STEP,
                code_text(refusal.code),
                error.reason,
                fingerprint=identity.fingerprint,
            ),
        ),
        refusal,
    )
