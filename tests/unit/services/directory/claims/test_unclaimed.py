"""Which devices facts say are nobody's."""

from homeport.events.facts import AnyFact, FactName
from homeport.names import PLATFORM_ACCOUNT
from services.directory.claims import unclaimed
from tests.support.directory import fact

FINGERPRINT = "4e" * 32


def refusal(number: int = 1, **changed: object) -> AnyFact:
    given: dict[str, object] = {"fingerprint": FINGERPRINT, "reason": f"no, {number}"}
    return fact(
        FactName.BOOTSTRAP_FAILED,
        number,
        account=PLATFORM_ACCOUNT,
        **given | changed,
    )


def test_a_device_is_known_by_its_certificate() -> None:
    (one,) = unclaimed.seen([refusal()])
    assert (one.fingerprint, one.endpoint_name) == (FINGERPRINT, "urn:dev:1")
    assert len(one.id) == 32
    (other,) = unclaimed.seen([refusal(fingerprint="5f" * 32)])
    assert other.id != one.id


def test_the_last_refusal_says_why_whatever_comes_first() -> None:
    refusals = [refusal(number) for number in (2, 3, 1)]
    (one,) = unclaimed.seen(refusals)
    (other,) = unclaimed.seen(reversed(refusals))
    assert one == other
    assert one.reason == "no, 3"
    assert (one.first_seen_at, one.last_seen_at) == (
        refusals[2].time,
        refusals[1].time,
    )


def test_only_who_came_with_a_certificate_and_without_an_account_is_nobodys() -> None:
    mine = fact(FactName.BOOTSTRAP_FAILED, fingerprint=FINGERPRINT)
    assert unclaimed.seen([refusal(fingerprint=""), mine]) == []
