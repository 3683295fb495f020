"""What facts say of a bootstrap is complete, and nothing of it is secret."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from homeport.events import facts
from homeport.identity import NOBODY, Identity
from homeport.protocol import paths
from homeport.protocol.formats.records import Record
from services.bootstrap import bodies
from services.bootstrap.issuing import Particulars
from tests.support.bootstrap import (
    ACCOUNT,
    AS_DEVELOPER,
    BY_CERTIFICATE,
    BY_KEY,
    FINGERPRINT,
    IZUMA_ID,
)

PARTICULARS = Particulars("aa" * 32, "bb" * 32, 1_800_000_000_000)


def fact(name: str, body: str) -> facts.AnyFact:
    """Complete a fact as the store does."""
    return facts.parse(
        f'{{"fact":"{name}","id":"x","time":"2026-11-24T14:20:05Z","revision":1,'
        f'"account_id":"{ACCOUNT}","device_id":"{IZUMA_ID}","endpoint_name":"x"{body}}}'
    )


def bootstrapped(
    identity: Identity, particulars: Particulars = PARTICULARS, *read: Record
) -> facts.DeviceBootstrapped:
    body = bodies.bootstrapped(identity, particulars, read)
    made = fact("device.bootstrapped", body)
    assert isinstance(made, facts.DeviceBootstrapped)
    return made


def test_a_device_that_came_with_a_certificate() -> None:
    said = bootstrapped(BY_CERTIFICATE)
    assert (said.means, said.ca_id, said.developer) == ("certificate", "0123", "")
    assert (said.device_key, said.issuer_fingerprint) == ("aa" * 32, "bb" * 32)
    assert said.bootstrap_expires_at == datetime.fromtimestamp(2_000_000_000, UTC)
    assert said.credential_expires_at == datetime.fromtimestamp(1_800_000_000, UTC)


def test_a_developers_device() -> None:
    said = bootstrapped(AS_DEVELOPER)
    assert (said.means, said.developer, said.ca_id) == ("developer", FINGERPRINT, "")
    assert said.bootstrap_expires_at is None


def test_a_device_without_security() -> None:
    said = bootstrapped(NOBODY, Particulars())
    assert (said.means, said.device_key, said.issuer_fingerprint) == ("nosec", "", "")
    assert said.credential_expires_at is None


@pytest.mark.parametrize(
    ("identity", "mode"),
    [(NOBODY, 0), (AS_DEVELOPER, 1), (BY_CERTIFICATE, 5), (BY_KEY, 5)],
)
def test_the_execution_mode_is_that_of_what_it_came_with(
    identity: Identity, mode: int
) -> None:
    assert bootstrapped(identity).execution_mode == mode


def test_a_ca_that_several_accounts_have_is_nobodys() -> None:
    said = bootstrapped(replace(BY_CERTIFICATE, rests_on=("ca:1", "ca:2")))
    assert said.ca_id == ""


def test_a_failure_says_where_and_why() -> None:
    body = bodies.failed("PUT /0", "4.00", 'a "bad"\n reason', fingerprint=FINGERPRINT)
    said = fact("bootstrap.failed", body)
    assert isinstance(said, facts.BootstrapFailed)
    assert (said.step, said.code, said.reason, said.fingerprint) == (
        "PUT /0",
        "4.00",
        'a "bad"\n reason',
        FINGERPRINT,
    )


def test_what_was_read_of_a_device_is_told_by_its_path() -> None:
    read = {"/1/0/1": 300, "/1/0/6": False, "/1/0/7": "UQ"}
    records = [Record(paths.parse(path), value) for path, value in read.items()]
    said = bootstrapped(
        BY_KEY,
        PARTICULARS,
        *records,
        Record(paths.parse("/1/0/22"), "x" * 257),
        Record(paths.parse("/2"), None),
    )
    assert said.read == read


def test_no_more_is_told_than_anybody_reads() -> None:
    read = [Record(paths.parse(f"/2/{number}/0"), number) for number in range(1000)]
    assert len(bootstrapped(BY_KEY, PARTICULARS, *read).read) == bodies.MOST_READ
