"""Errors carry values and write their own sentence."""

from homeport import errors


def test_every_error_is_a_homeport_error() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    assert kinds
    assert all(issubclass(kind, errors.HomeportError) for kind in kinds)


def test_an_error_says_what_is_wrong_and_where() -> None:
    error = errors.InvalidFormat("link format", "ends in a quote", position=7)
    assert str(error) == "link format: ends in a quote at 7"
    assert error.position == 7
