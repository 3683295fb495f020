"""Signatures of webhook calls."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.errors import InvalidParameter
from services.notifier.channels import signatures

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_the_published_example_is_signed_as_published() -> None:
    signed = signatures.sign(
        SECRET,
        b'{"test": 2432232314}',
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        seconds=1614265330,
    )
    assert signed == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@given(st.binary(min_size=24, max_size=64))
def test_any_secret_of_the_published_form_passes(key: bytes) -> None:
    signatures.check("whsec_" + base64.b64encode(key).decode())


def test_no_secret_at_all_passes() -> None:
    signatures.check("")


@pytest.mark.parametrize(
    "secret",
    [
        "secret",
        "whsec_",
        "whsec_AAAA",
        "whsec_" + "A" * 100,
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa w",
        "whsec_ü",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    ],
)
def test_another_secret_is_refused(secret: str) -> None:
    with pytest.raises(InvalidParameter, match="signing_secret"):
        signatures.check(secret)
