"""An identity travels from one edge to another as it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport import identity
from homeport.errors import InvalidFormat
from homeport.identity import NOBODY, Identity, Means
from homeport.names import AccountId, DeviceId, EndpointName

IDS = st.uuids().map(lambda uuid: uuid.hex)
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=64)
IDENTITIES = st.builds(
    Identity,
    name=TEXTS,
    means=st.sampled_from(Means),
    account=st.none() | IDS.map(AccountId),
    accounts=st.lists(IDS.map(AccountId), max_size=3).map(tuple),
    endpoint_name=st.none() | TEXTS.map(EndpointName),
    device=st.none() | IDS.map(DeviceId),
    rests_on=st.lists(TEXTS, max_size=3).map(tuple),
    issued=st.integers(0, 1 << 48),
    expires=st.integers(0, 1 << 48),
    fingerprint=TEXTS,
    enrolls=st.booleans(),
)


@given(IDENTITIES)
def test_what_is_built_is_parsed(given_identity: Identity) -> None:
    assert identity.parse(identity.build(given_identity)) == given_identity


def test_nobody_has_proved_anything() -> None:
    assert NOBODY.means is Means.NOTHING
    assert NOBODY.account is None
    assert identity.parse(identity.build(NOBODY)) == NOBODY


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b'"text"',
        b"{}",
        b'{"name": "x", "means": "other", "accounts": [], "rests_on": []}',
        b'{"means": "nosec", "accounts": [], "rests_on": []}',
        b'{"name": "x", "means": "nosec", "accounts": 1, "rests_on": []}',
        b'{"name": "x", "means": "nosec", "accounts": [], "rests_on": [], "more": 1}',
    ],
)
def test_what_is_no_identity_is_refused(text: bytes) -> None:
    with pytest.raises(InvalidFormat, match="identity"):
        identity.parse(text)


@given(st.binary(max_size=60))
def test_other_bytes_are_refused(text: bytes) -> None:
    with pytest.raises(InvalidFormat, match="identity"):
        identity.parse(text)
