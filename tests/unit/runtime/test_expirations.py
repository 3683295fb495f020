"""Operators see when the installation's certificates end."""

from datetime import UTC, datetime

from prometheus_client import REGISTRY

from homeport.runtime import expirations
from tests.support.trust import ours


def ends(certificate: str) -> float:
    name = "homeport_certificate_expiry_timestamp_seconds"
    return REGISTRY.get_sample_value(name, {"certificate": certificate}) or 0


def test_every_certificate_of_the_installation_is_shown() -> None:
    expirations.show(ours())
    now = datetime.now(UTC).timestamp()
    for certificate in ("root", "issuer", "bootstrap", "lwm2m"):
        assert ends(certificate) > now
