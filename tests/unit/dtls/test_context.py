import pytest

from homeport.dtls.context import LOWEST_MTU, ClientContext, ServerContext
from homeport.errors import InvalidConfiguration
from tests.support.dtls import house


def test_a_key_is_not_in_its_words() -> None:
    assert house().server.key.hex() not in repr(house().server)
    assert "key=" not in repr(house().server)


def test_a_server_without_certificate_is_fine() -> None:
    assert ServerContext(None).mtu == 1200


def test_an_mtu_that_openssl_can_not_keep_is_refused() -> None:
    assert ServerContext(None, mtu=LOWEST_MTU).mtu == LOWEST_MTU
    with pytest.raises(InvalidConfiguration, match="is below 256"):
        ServerContext(None, mtu=LOWEST_MTU - 1)
    with pytest.raises(InvalidConfiguration, match="is below 256"):
        ClientContext(mtu=LOWEST_MTU - 1)
