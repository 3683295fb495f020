"""A developer certificate, and the C source that the client compiles in."""

import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, SignatureAlgorithmOID

from homeport.errors import InvalidFormat
from homeport.names import AccountId
from homeport.pki import authorities, certificates, developer, keys
from homeport.pki.keys import CertifiedKey
from tests.support.foreign import NOW

ACCOUNT = AccountId("000000000000000000000000deadbeef")
DEVELOPER = developer.create(ACCOUNT, now=NOW)
PARSED = certificates.parse(DEVELOPER.certificate)
ROOT = authorities.create_root("Homeport servers").certificate.der
URI = f"coaps://bootstrap.example.com:5784?aid={ACCOUNT}"

CLIENT = """
#include <stdint.h>
#include <stdio.h>

#define DOCUMENT(name) \\
    extern const uint8_t MBED_CLOUD_DEV_##name[]; \\
    extern const uint32_t MBED_CLOUD_DEV_##name##_SIZE;
#define TEXT(name) extern const char MBED_CLOUD_DEV_##name[];

DOCUMENT(BOOTSTRAP_DEVICE_CERTIFICATE)
DOCUMENT(BOOTSTRAP_DEVICE_PRIVATE_KEY)
DOCUMENT(BOOTSTRAP_SERVER_ROOT_CA_CERTIFICATE)
TEXT(BOOTSTRAP_ENDPOINT_NAME)
TEXT(BOOTSTRAP_SERVER_URI)
TEXT(ACCOUNT_ID)
TEXT(MANUFACTURER)
TEXT(MODEL_NUMBER)
TEXT(SERIAL_NUMBER)
TEXT(DEVICE_TYPE)
TEXT(HARDWARE_VERSION)
extern const uint32_t MBED_CLOUD_DEV_MEMORY_TOTAL_KB;

static void show(const uint8_t *content, uint32_t size)
{
    uint32_t at;
    for (at = 0; at < size; at++) printf("%02x", content[at]);
    printf("\\n");
}

#undef DOCUMENT
#undef TEXT
#define DOCUMENT(name) show(MBED_CLOUD_DEV_##name, MBED_CLOUD_DEV_##name##_SIZE);
#define TEXT(name) printf("%s\\n", MBED_CLOUD_DEV_##name);

int main(void)
{
    DOCUMENT(BOOTSTRAP_DEVICE_CERTIFICATE)
    DOCUMENT(BOOTSTRAP_DEVICE_PRIVATE_KEY)
    DOCUMENT(BOOTSTRAP_SERVER_ROOT_CA_CERTIFICATE)
    TEXT(BOOTSTRAP_ENDPOINT_NAME)
    TEXT(BOOTSTRAP_SERVER_URI)
    TEXT(ACCOUNT_ID)
    TEXT(MANUFACTURER)
    TEXT(MODEL_NUMBER)
    TEXT(SERIAL_NUMBER)
    TEXT(DEVICE_TYPE)
    TEXT(HARDWARE_VERSION)
    printf("%u\\n", (unsigned)MBED_CLOUD_DEV_MEMORY_TOTAL_KB);
    return 0;
}
"""
"""What Izuma's developer flow declares, and nothing else that it could link with."""


def test_the_certificate_has_the_profile_of_a_developer_certificate() -> None:
    parsed = PARSED.parsed
    assert parsed.subject == parsed.issuer
    assert PARSED.subject.organizational_unit == ACCOUNT
    assert len(bytes.fromhex(PARSED.subject.common_name)) == 16
    assert parsed.signature_algorithm_oid == SignatureAlgorithmOID.ECDSA_WITH_SHA256
    assert parsed.not_valid_after_utc == NOW.replace(year=2036)
    assert len(PARSED.der) <= authorities.LARGEST
    assert PARSED.is_signed_by(PARSED)


def test_its_extensions_are_those_of_a_developer_certificate() -> None:
    extensions = PARSED.parsed.extensions
    constraints = extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert constraints.value == x509.BasicConstraints(ca=True, path_length=0)
    usage = extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert list(usage.value) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    private = x509.ObjectIdentifier("1.3.6.1.4.1.4128.201")
    assert not extensions.get_extension_for_oid(private).critical


def test_its_key_is_its_own() -> None:
    assert keys.decode(DEVELOPER.key).public_key() == PARSED.parsed.public_key()


def test_no_two_are_the_same() -> None:
    other = certificates.parse(developer.create(ACCOUNT, now=NOW).certificate)
    assert other.subject.common_name != PARSED.subject.common_name
    assert other.fingerprint != PARSED.fingerprint


def test_no_security_file_is_written_for_a_broken_certificate() -> None:
    with pytest.raises(InvalidFormat):
        developer.security_file(
            CertifiedKey(b"", DEVELOPER.key), bootstrap_uri=URI, bootstrap_root=ROOT
        )


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
@pytest.mark.parametrize("uri", [URI, 'coaps://a\\"b\n%sü:1?aid=x'])
def test_a_client_that_compiles_the_security_file_in_reads_it(
    tmp_path: Path, uri: str
) -> None:
    credentials = tmp_path / "mbed_cloud_dev_credentials.c"
    credentials.write_text(
        developer.security_file(DEVELOPER, bootstrap_uri=uri, bootstrap_root=ROOT)
    )
    client = tmp_path / "client.c"
    client.write_text(CLIENT)
    program = tmp_path / "client"
    compiler = ["cc", "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([*compiler, "-o", program, client, credentials], check=True)
    said = subprocess.run([program], check=True, capture_output=True).stdout.decode()
    *documents, rest = said.split("\n", 3)
    assert [bytes.fromhex(each) for each in documents] == [
        DEVELOPER.certificate,
        DEVELOPER.key,
        ROOT,
    ]
    assert rest == (
        f"{PARSED.subject.common_name}\n{uri}\n{ACCOUNT}\n"
        "dev_manufacturer\ndev_model_num\n0\ndev_device_type\ndev_hardware_version\n0\n"
    )
