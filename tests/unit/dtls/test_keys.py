"""Keys are derived as every other implementation derives them."""

from homeport.dtls import keys
from homeport.dtls.keys import Keys

MASTER = bytes(range(48))
CLIENT_RANDOM = b"c" * 32
SERVER_RANDOM = b"s" * 32


def test_the_pseudorandom_function_makes_the_known_vector() -> None:
    made = keys.prf(
        bytes.fromhex("9bbe436ba940f017b17652849a71db35"),
        b"test label",
        bytes.fromhex("a0ba9f936cda311827a6f796ffd5198c"),
        length=100,
    )
    assert made == bytes.fromhex(
        "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a"
        "6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab"
        "4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff701"
        "87347b66"
    )


def test_a_shorter_output_is_the_beginning_of_a_longer_one() -> None:
    long = keys.prf(MASTER, b"label", b"seed", length=100)
    for length in range(100):
        assert keys.prf(MASTER, b"label", b"seed", length=length) == long[:length]


def test_the_block_is_cut_into_keys_and_then_into_nonces() -> None:
    derived = keys.derive(
        MASTER, client_random=CLIENT_RANDOM, server_random=SERVER_RANDOM
    )
    block = keys.prf(MASTER, b"key expansion", SERVER_RANDOM + CLIENT_RANDOM, length=40)
    assert derived.client == block[0:16] + block[32:36]
    assert derived.server == block[16:32] + block[36:40]


def test_keys_do_not_show_what_they_are() -> None:
    assert repr(Keys(client=b"secret", server=b"secret")) == "Keys()"
