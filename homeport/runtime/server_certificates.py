"""Certificates of the servers besides the installation's own, as the operator has them.

A device that knows its server by another name, or by another CA, says whom it wants to
reach and is shown that certificate (RFC 6066 §3).
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from homeport.dtls.context import CertifiedKey
from homeport.errors import InvalidConfiguration, InvalidParameter
from homeport.pki import servers
from homeport.runtime.config import PREFIX

CERTIFICATE, KEY = ".crt", ".key"


def read(folder: Path | None, *, now: datetime) -> Mapping[str, CertifiedKey]:
    """Return what a folder has, by the hosts that it is for, in lower case.

    Raises InvalidConfiguration for what would not work, and for two of one host.
    """
    found: dict[str, CertifiedKey] = {}
    for path in _certificates(folder) if folder is not None else ():
        try:
            shown = servers.parse_chain(
                path.read_text(), path.with_suffix(KEY).read_text(), now=now
            )
        except (InvalidParameter, OSError, UnicodeDecodeError) as error:
            raise _wrong(f"{path} cannot be shown: {error}") from error
        for host in map(str.lower, shown.hosts):
            if host in found:
                raise _wrong(f"{path} is another one for {host}")
            found[host] = CertifiedKey(shown.chain, shown.key)
    return found


def _certificates(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise _wrong(f"{folder} is no folder")
    return sorted(folder.glob(f"*{CERTIFICATE}"))


def _wrong(sentence: str) -> InvalidConfiguration:
    return InvalidConfiguration(
        f"{PREFIX}SERVER_CERTIFICATES_FOLDER", f"is wrong: {sentence}"
    )
