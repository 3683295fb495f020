"""What a device proved decides, and what it says must agree."""

import pytest

from homeport import names
from homeport.errors import InvalidParameter, NotAllowed
from homeport.identity import NOBODY, Identity, Means
from homeport.names import AccountId, DeviceId, EndpointName
from homeport.protocol import ownership

HOUSE = AccountId("a" * 32)
OURS, THEIRS = AccountId("b" * 32), AccountId("c" * 32)
KETTLE, LAMP = EndpointName("kettle"), EndpointName("lamp")
DEVICE = DeviceId("d" * 32)

ALONE = Identity("psk:1", Means.SHARED_KEY, account=OURS)
SHARED = Identity("certificate:1:2", Means.CERTIFICATE, accounts=(OURS, THEIRS))
PROVEN = Identity(
    "certificate:1:2", Means.CERTIFICATE, account=OURS, accounts=(OURS, THEIRS)
)
NAMED = Identity("psk:1", Means.SHARED_KEY, account=OURS, endpoint_name=KETTLE)
CERTIFIED = Identity(
    f"issued:{DEVICE}",
    Means.ISSUED,
    account=OURS,
    endpoint_name=KETTLE,
    device=DEVICE,
)
KEYED = Identity(f"issued:{DEVICE}", Means.ISSUED, account=OURS, device=DEVICE)


@pytest.mark.parametrize(
    ("identity", "said", "account"),
    [
        (NOBODY, None, HOUSE),
        (NOBODY, HOUSE, HOUSE),
        (ALONE, None, OURS),
        (ALONE, OURS, OURS),
        (SHARED, OURS, OURS),
        (SHARED, THEIRS, THEIRS),
        (PROVEN, None, OURS),
        (PROVEN, THEIRS, THEIRS),
    ],
)
def test_an_account_is_the_credentials_or_said_and_allowed(
    identity: Identity, said: AccountId | None, account: AccountId
) -> None:
    assert ownership.account(identity, said, default=HOUSE) == account


@pytest.mark.parametrize(
    ("identity", "said"),
    [(NOBODY, OURS), (ALONE, THEIRS), (ALONE, HOUSE), (SHARED, HOUSE)],
)
def test_an_account_that_a_credential_does_not_open_is_refused(
    identity: Identity, said: AccountId
) -> None:
    with pytest.raises(NotAllowed, match="aid is an account"):
        ownership.account(identity, said, default=HOUSE)


def test_where_several_accounts_may_be_meant_one_has_to_be_said() -> None:
    with pytest.raises(NotAllowed, match="aid is missing"):
        ownership.account(SHARED, None, default=HOUSE)


@pytest.mark.parametrize(
    ("identity", "said", "name"),
    [
        (NOBODY, KETTLE, KETTLE),
        (ALONE, LAMP, LAMP),
        (NAMED, None, KETTLE),
        (NAMED, KETTLE, KETTLE),
    ],
)
def test_a_name_is_the_credentials_or_said(
    identity: Identity, said: EndpointName | None, name: EndpointName
) -> None:
    assert ownership.endpoint_name(identity, said) == name


def test_another_name_than_the_credentials_is_refused() -> None:
    with pytest.raises(NotAllowed, match="ep is not the name"):
        ownership.endpoint_name(NAMED, LAMP)


def test_a_name_that_nobody_says_is_missing() -> None:
    with pytest.raises(InvalidParameter, match="ep is missing"):
        ownership.endpoint_name(NOBODY, None)


@pytest.mark.parametrize("identity", [NOBODY, ALONE, NAMED, SHARED])
def test_an_id_is_computed_from_account_and_name(identity: Identity) -> None:
    computed = names.device_id(OURS, KETTLE)
    assert ownership.device(identity, OURS, KETTLE) == computed


def test_a_certificate_of_ours_names_the_device_whatever_would_be_computed() -> None:
    assert ownership.device(CERTIFIED, OURS, KETTLE) == DEVICE


def test_a_key_of_ours_lets_a_device_say_its_id() -> None:
    assert ownership.device(KEYED, OURS, EndpointName(DEVICE)) == DEVICE


def test_a_key_of_ours_lets_a_device_say_the_name_that_its_id_is_computed_from() -> (
    None
):
    named = Identity(
        "issued:1", Means.ISSUED, account=OURS, device=names.device_id(OURS, KETTLE)
    )
    assert ownership.device(named, OURS, KETTLE) == named.device
    with pytest.raises(NotAllowed):
        ownership.device(named, THEIRS, KETTLE)


def test_a_key_of_ours_opens_no_other_device() -> None:
    with pytest.raises(NotAllowed, match="ep is not the name"):
        ownership.device(KEYED, OURS, LAMP)
