"""`homeport certificates` says what a certificate opens."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from homeport.client.certificates import TrustedCertificate
from homeport.commands import certificates
from homeport.errors import InvalidConfiguration

CA = TrustedCertificate(id="1", service="bootstrap")


@pytest.mark.parametrize(
    ("certificate", "told"),
    [
        (CA, "bootstrap"),
        (CA.model_copy(update={"enrollment_mode": True}), "bootstrap, enrollment"),
        (CA.model_copy(update={"device_execution_mode": 1}), "bootstrap, developer"),
    ],
)
def test_a_certificate_is_for_something(
    certificate: TrustedCertificate, told: str
) -> None:
    assert certificates.kind(certificate) == told


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    given = ["upload", "factory", str(tmp_path / "none.pem")]
    api = ["--api", "http://127.0.0.1:1", "--key", "ak_1"]
    failed = CliRunner().invoke(certificates.cli, [*given, *api]).exception
    assert isinstance(failed, InvalidConfiguration)
    assert "none.pem cannot be read" in str(failed)
