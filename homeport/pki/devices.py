"""The certificates that devices are given (B-068 .. B-070, EST-7)."""

import os
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from homeport import names
from homeport.errors import InvalidFormat, InvalidName
from homeport.names import AccountId, DeviceId, EndpointName
from homeport.pki import certificates, keys, subjects
from homeport.pki.authorities import BACKDATED, Authority
from homeport.pki.keys import PublicKey
from homeport.pki.subjects import Subject

_RANDOM_BYTES = 8
_SERIAL_BYTES = 16


@dataclass(frozen=True, slots=True)
class Issued:
    """What a certificate of ours says; times are in milliseconds since 1970."""

    account: AccountId
    device: DeviceId
    endpoint_name: EndpointName
    issued: int
    expires: int
    fingerprint: str


def new_key() -> bytes:
    """Make a private key for a device, as PKCS#8 in DER (B-069)."""
    return keys.encode(keys.generate())


def issue(
    authority: Authority,
    *,
    account: AccountId,
    device: DeviceId | None,
    endpoint_name: EndpointName,
    key: PublicKey | bytes,
    now: datetime,
    days: float,
) -> bytes:
    """Issue a certificate, at most 1024 bytes of DER.

    ``key`` is the device's own public key, or the private one that `new_key` made. The
    serial number begins with the time, so that credentials older than a given moment
    can be refused without a list of them.

    Without a device it is for whatever else that one does: `read` does not take it, so
    that it opens nothing here.
    """
    builder = (
        x509.CertificateBuilder()
        .subject_name(subjects.build(Subject(device or "", account, endpoint_name)))
        .public_key(keys.decode(key).public_key() if isinstance(key, bytes) else key)
        .serial_number(_serial_number(now))
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
    )
    return authority.sign(builder)


def read(certificate: bytes) -> Issued:
    """Read a certificate of ours; that it is one, the handshake proves.

    Raises InvalidFormat where one of the three names is missing or wrong.
    """
    parsed = certificates.parse(certificate)
    serial_number = parsed.parsed.serial_number
    if not 0 < serial_number < 1 << 8 * _SERIAL_BYTES:
        raise InvalidFormat("certificate", "has a serial number that is not ours")
    subject = parsed.subject
    try:
        return Issued(
            account=names.parse_account_id(subject.organizational_unit),
            device=names.parse_device_id(subject.locality),
            endpoint_name=names.parse_endpoint_name(subject.common_name),
            issued=serial_number >> 8 * _RANDOM_BYTES,
            expires=parsed.expires,
            fingerprint=parsed.fingerprint,
        )
    except InvalidName as error:
        raise InvalidFormat("certificate", str(error)) from error


def _serial_number(now: datetime) -> int:
    milliseconds = int(now.timestamp() * 1000)
    return milliseconds << 8 * _RANDOM_BYTES | int.from_bytes(os.urandom(_RANDOM_BYTES))
