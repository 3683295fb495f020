"""The names in a certificate's subject that say who a device is (B-040, B-068)."""

import warnings
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import NameOID

from homeport.errors import InvalidFormat

_FIELDS = {
    NameOID.LOCALITY_NAME: "locality",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "organizational_unit",
    NameOID.COMMON_NAME: "common_name",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """L, OU and CN of a subject, "" for one that is not there.

    In certificates of ours they are the device id, the account and the endpoint name.
    """

    locality: str = ""
    organizational_unit: str = ""
    common_name: str = ""


def build(subject: Subject) -> x509.Name:
    """Build a subject of those names that are there.

    ``cryptography`` holds 64 characters, which an endpoint name may have (B-047), for
    64 bytes: it is asked not to count.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return x509.Name(
            x509.NameAttribute(oid, value, _validate=False)
            for oid, value in (
                (NameOID.LOCALITY_NAME, subject.locality),
                (NameOID.ORGANIZATIONAL_UNIT_NAME, subject.organizational_unit),
                (NameOID.COMMON_NAME, subject.common_name),
            )
            if value
        )


def read(name: x509.Name) -> Subject:
    """Read the names; raise InvalidFormat if one of them stands twice."""
    found: dict[str, str] = {}
    for attribute in name:
        field = _FIELDS.get(attribute.oid)
        if field is None:
            continue
        if field in found:
            raise InvalidFormat("subject", f"says twice what its {field} is")
        found[field] = str(attribute.value)
    return Subject(**found)
