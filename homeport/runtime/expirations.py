"""When the installation's own certificates end: nobody can come once they have."""

from prometheus_client import Gauge

from homeport.pki import certificates
from homeport.pki.installation import Installation

_ENDS = Gauge(
    "homeport_certificate_expiry_timestamp_seconds",
    "When a certificate of the installation ends, in seconds since 1970.",
    ["certificate"],
)


def show(installation: Installation) -> None:
    """Show the ends of all that an edge shows and signs with."""
    held = {
        "root": installation.root,
        "issuer": installation.issuer.certificate,
        **{name.value: each.certificate for name, each in installation.servers.items()},
    }
    for name, certificate in held.items():
        _ENDS.labels(name).set(certificates.parse(certificate).expires / 1000)
