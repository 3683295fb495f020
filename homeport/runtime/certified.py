"""Who a peer would be by the certificate of a CA that accounts trust (B-034 .. B-039).

Which account, its OU may say, or who alone has shown that it holds the CA's key
(B-036); otherwise the request, or a claim. Nobody else takes anything from that account
by trusting the same CA.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from homeport import names
from homeport.dtls.credentials import Admission, Refusal
from homeport.errors import InvalidName
from homeport.identity import Identity, Means, Service
from homeport.names import AccountId, EndpointName
from homeport.pki.trusted import Presented
from homeport.store.entries import TrustedCertificate

DIGEST_LENGTH = 32
"""Hex characters of a digest within an identity's name."""
NOT_ONES_OWN = "the certificate names another account than its CA's"


def decide(
    presented: Presented,
    authorities: Sequence[TrustedCertificate],
    *,
    service: Service,
    direct: bool,
    owner: AccountId,
) -> Admission | Refusal:
    """Say who a peer would be; ``authorities`` are those that its chain may name.

    Without ``direct`` such a peer opens nothing of the LwM2M server, and there it never
    hears an alert, which would cost it its credentials (B-066). The CAs of the
    ``owner`` need no proof.
    """
    meant = [each for each in authorities if each.service is service]
    active = [each for each in meant if each.active]
    is_lwm2m = service is Service.LWM2M
    if is_lwm2m and not direct:
        active = []
    decision = _decide(presented, meant, active, owner)
    return replace(decision, alerts=not is_lwm2m)


def _decide(
    presented: Presented,
    meant: Sequence[TrustedCertificate],
    active: Sequence[TrustedCertificate],
    owner: AccountId,
) -> Admission | Refusal:
    unit, fingerprint = presented.subject.organizational_unit, presented.fingerprint
    own = active
    if _is_account(unit):
        own = [each for each in active if each.account == unit]
        if active and not own:
            return Refusal(NOT_ONES_OWN, fingerprint=fingerprint)  # B-043
    if not own:
        return _untrusted(presented, meant, active)
    try:
        endpoint_name = names.parse_endpoint_name(presented.subject.common_name)
    except InvalidName as error:
        return Refusal(f"its CN is no endpoint name: {error}", fingerprint=fingerprint)
    return Admission(
        _identity(presented, endpoint_name, own, owner),
        anchors=tuple(each.certificate for each in own),
    )


def _untrusted(
    presented: Presented,
    meant: Sequence[TrustedCertificate],
    active: Sequence[TrustedCertificate],
) -> Refusal:
    alone = meant[0] if len(meant) == 1 else None
    return Refusal(
        "its CA is inactive" if meant else "no account trusts its CA",
        account=alone.account if alone is not None else None,
        endpoint_name=presented.subject.common_name[: names.ENDPOINT_NAME_LENGTH],
        fingerprint=presented.fingerprint,
        authority=alone.id if alone is not None and not active else "",
    )


def _identity(
    presented: Presented,
    endpoint_name: EndpointName,
    own: Sequence[TrustedCertificate],
    owner: AccountId,
) -> Identity:
    subject = presented.subject
    proven = {
        each.account
        for each in own
        if not each.enrollment_mode
        and (each.proven or each.account in (subject.organizational_unit, owner))
    }
    alone = proven.pop() if len(proven) == 1 else None
    named = hashlib.sha256(subject.common_name.encode()).hexdigest()[:DIGEST_LENGTH]
    return Identity(
        f"certificate:{presented.issuers[0][:DIGEST_LENGTH]}:{named}",
        Means.CERTIFICATE,
        account=alone,
        accounts=tuple(sorted({each.account for each in own})),
        endpoint_name=endpoint_name,
        rests_on=tuple(sorted(each.name for each in own)),
        expires=presented.expires,
        fingerprint=presented.fingerprint,
        enrolls=alone is None and any(each.enrollment_mode for each in own),
    )


def _is_account(unit: str) -> bool:
    try:
        return names.parse_account_id(unit) == unit
    except InvalidName:
        return False
