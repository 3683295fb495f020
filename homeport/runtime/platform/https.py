"""The certificate that ``homeport up --https`` serves the API with, and its CA.

The CA is the API's own. The one that devices trust is the directory's, and its key is
nowhere but there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from homeport.errors import InvalidConfiguration, InvalidInput
from homeport.pki import authorities, certificates, pem, servers
from homeport.pki.authorities import Authority
from homeport.pki.keys import CertifiedKey
from homeport.runtime import addresses
from homeport.runtime.config import PREFIX
from homeport.runtime.platform.identity import write_private

FOLDER = "https"
CERTIFICATE = f"{PREFIX}API_CERTIFICATE"
KEY_FILE = f"{PREFIX}API_KEY_FILE"

_NAME = "Homeport API"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Https:
    """The PEM files of what the API shows, with its key, and of the CA behind it."""

    shown: Path
    ca: Path


def establish(data: Path, host: str) -> Https:
    """Find the certificate in a data folder, or make it, for a host and loopback.

    The CA stays the same, so who trusts it once does for ever. Raises
    InvalidConfiguration where the files cannot be used.
    """
    folder = data / FOLDER
    made = Https(folder / "api.pem", folder / "ca.pem")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        root = _root(folder / "authority.pem")
        ca = pem.build(pem.CERTIFICATE, root.certificate.der)
        write_private(made.ca, ca.encode())
        hosts = tuple(dict.fromkeys((_reached(host), *_LOOPBACK)))
        if not _is_right(made.shown, root, hosts):
            _write(made.shown, authorities.create_server(root, hosts))
    except (OSError, InvalidInput) as error:
        raise InvalidConfiguration(str(folder), f"cannot be used: {error}") from error
    return made


def told(https: Https | None) -> Mapping[str, str]:
    """Return the settings in which the API hears of its certificate."""
    if https is None:
        return {}
    return {CERTIFICATE: str(https.shown), KEY_FILE: str(https.shown)}


def _reached(host: str) -> str:
    """Return the name that callers use, for a wildcard this machine's address."""
    return urlsplit(addresses.reachable(addresses.url("https", host, 1))).hostname or ""


def _root(path: Path) -> Authority:
    """Read the CA, or make it at the first start."""
    if not path.exists():
        root = authorities.create_root(_NAME)
        _write(path, root.export())
        return root
    text = path.read_text()
    return Authority(authorities.parse_certificate(text), authorities.parse_key(text))


def _is_right(path: Path, root: Authority, hosts: tuple[str, ...]) -> bool:
    """Say whether there is a certificate of the CA for these hosts."""
    if not path.exists():
        return False
    (certificate,) = pem.parse_certificates(path.read_text())
    signed = certificates.parse(certificate).is_signed_by(root.certificate)
    return signed and servers.hosts(certificate) == frozenset(hosts)


def _write(path: Path, made: CertifiedKey) -> None:
    """Write a certificate with its key into one file, so that they stay together."""
    certificate = pem.build(pem.CERTIFICATE, made.certificate)
    write_private(path, (certificate + pem.build(pem.PRIVATE_KEY, made.key)).encode())
