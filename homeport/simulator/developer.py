"""The developer certificate of a platform's simulated devices, made once and kept."""

from homeport.ca import Api, CallRefused
from homeport.dtls.context import CertifiedKey
from homeport.errors import InvalidInput, Unavailable
from homeport.pki import authorities, keys, pem
from homeport.simulator.accounts import certified

NAME = "homeport-simulated-devices"
"""By this name it is found again."""
DESCRIPTION = "Simulated devices bootstrap with it; homeport simulate has made it."

_DUPLICATE = 409
_MADE = "/v3/developer-certificates"
_LISTED = "/v3/trusted-certificates"


def fetch(api: Api) -> CertifiedKey:
    """Find the certificate and its key, or have them made.

    Raises Unavailable and CallRefused.
    """
    return _parse(_found(api) or _made(api))


def make(api: Api, name: str) -> CertifiedKey:
    """Have one made for a single purpose, with its key.

    Raises Unavailable and CallRefused.
    """
    return _parse(api.call("POST", _MADE, {"name": name, "description": DESCRIPTION}))


def fetch_anchor(api: Api) -> bytes:
    """Return the CA that devices know the bootstrap server by, in DER.

    Raises Unavailable and CallRefused.
    """
    found = api.call("GET", "/v3/server-credentials")
    (anchor,) = pem.parse_certificates(found["bootstrap"]["certificate"])
    return anchor


def _found(api: Api) -> object:
    listed = api.call("GET", f"{_LISTED}?name__eq={NAME}")
    for each in listed["data"]:
        return api.call("GET", f"{_MADE}/{each['id']}")
    return None


def _made(api: Api) -> object:
    try:
        return api.call("POST", _MADE, {"name": NAME, "description": DESCRIPTION})
    except CallRefused as error:
        if error.status == _DUPLICATE and (found := _found(api)):
            return found  # another fleet was faster
        raise


def _parse(answer: object) -> CertifiedKey:
    match answer:
        case {
            "developer_certificate": str(certificate),
            "developer_private_key": str(key),
        }:
            try:
                chain = tuple(pem.parse_certificates(certificate))
                return certified(chain, keys.encode(authorities.parse_key(key)))
            except (InvalidInput, IndexError) as error:
                raise Unavailable(
                    "API", f"has a broken certificate: {error}"
                ) from error
    raise Unavailable("API", "has answered with no developer certificate")
