"""Only who has heard us at an address can say what we have said there."""

from hypothesis import given
from hypothesis import strategies as st

from homeport.coap.echo import PERIOD_SECONDS, Echoes

HERE, ELSEWHERE = ("192.0.2.1", 5683), ("192.0.2.2", 5683)


def test_a_value_proves_its_own_address_for_a_while() -> None:
    echoes = Echoes()
    value = echoes.challenge(HERE, now=1_000)
    assert len(value) <= 40
    assert echoes.proves(value, HERE, now=1_000 + PERIOD_SECONDS)
    assert not echoes.proves(value, ELSEWHERE, now=1_000)
    assert not echoes.proves(value, HERE, now=1_000 + 2 * PERIOD_SECONDS)


def test_a_value_of_another_endpoint_proves_nothing() -> None:
    value = Echoes().challenge(HERE, now=0)
    assert not Echoes().proves(value, HERE, now=0)


@given(st.none() | st.binary(max_size=40))
def test_anything_else_proves_nothing(value: bytes | None) -> None:
    assert not Echoes().proves(value, HERE, now=0)
