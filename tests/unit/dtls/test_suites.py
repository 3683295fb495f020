"""The suites are OpenSSL's, in our order."""

import ssl

import pytest

from homeport.dtls import suites
from homeport.dtls.suites import SUITES, Suite


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
def test_openssl_knows_a_suite_by_its_name_and_number(suite: Suite) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(f"{suite.name}:@SECLEVEL=0")
    known = {each["name"]: each["id"] & 0xFFFF for each in context.get_ciphers()}
    assert known[suite.name] == suite.number


def test_a_suite_is_found_by_its_number_and_another_is_not() -> None:
    assert suites.by_number(0xC0AE) is SUITES[0]
    assert suites.by_number(0x1301) is None


def test_certificates_come_before_shared_keys_and_short_tags_first() -> None:
    assert suites.openssl_names() == (
        "ECDHE-ECDSA-AES128-CCM8:ECDHE-ECDSA-AES128-CCM:ECDHE-ECDSA-AES128-GCM-SHA256:"
        "PSK-AES128-CCM8:PSK-AES128-CCM:PSK-AES128-GCM-SHA256:PSK-AES128-CBC-SHA256"
    )


def test_only_the_last_one_is_left_to_openssl() -> None:
    assert [suite for suite in SUITES if suite.aead is None] == [SUITES[-1]]
