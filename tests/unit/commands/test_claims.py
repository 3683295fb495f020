"""`homeport devices claim` is told of one device, or of a list."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from homeport.commands import devices
from homeport.commands.claims import identity_of
from homeport.errors import InvalidConfiguration, InvalidInput
from homeport.pki import authorities, enrollment, pem

API = ["--api", "http://127.0.0.1:1", "--key", "ak_1"]


def test_an_identity_is_made_of_a_certificate() -> None:
    root = authorities.create_root("a device").certificate
    text = pem.build(pem.CERTIFICATE, root.der).encode()
    assert identity_of(text) == enrollment.identity(root.fingerprint)


@pytest.mark.parametrize("text", [b"", b"nothing", b"\xff"])
def test_what_is_no_certificate_is_said_to_be_none(text: bytes) -> None:
    with pytest.raises(InvalidInput):
        identity_of(text)


@pytest.mark.parametrize(
    "given", [[], ["A-1", "--csv", "a"], ["--csv", "a", "--certificate", "b"]]
)
def test_one_thing_is_claimed(given: list[str]) -> None:
    failed = CliRunner().invoke(devices.cli, ["claim", *given, *API]).exception
    assert isinstance(failed, InvalidConfiguration)
    assert "needs an identity, --certificate or --csv" in str(failed)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    for option in ("--csv", "--certificate"):
        given = ["claim", option, str(tmp_path / "none"), *API]
        failed = CliRunner().invoke(devices.cli, given).exception
        assert isinstance(failed, InvalidConfiguration)
        assert "none cannot be read" in str(failed)
