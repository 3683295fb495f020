"""What a server may write as notification attributes (LwM2M 1.1 core §5.1.2).

They stand in the queries of a request; all else about them is the device's to judge.
"""

from collections.abc import Sequence
from decimal import Decimal, DecimalException

from homeport.errors import InvalidParameter
from homeport.protocol import queries as parameters

_LARGEST_EXPONENT = 308
"""Of a number that a device could have: those of 64 bits with a point end there."""


def check(queries: Sequence[str]) -> None:
    """Raise InvalidParameter for attributes that contradict each other (B-209)."""
    given = parameters.parse(queries)
    numbers = {name: _number(text) for name, text in given.items()}
    for least, most in (("pmin", "pmax"), ("epmin", "epmax")):
        low, high = numbers.get(least), numbers.get(most)
        if low is not None and high is not None and low > high:
            raise InvalidParameter(least, f"is greater than {most}")
    greater, less, step = (numbers.get(name) for name in ("gt", "lt", "st"))
    if greater is None or less is None:
        return
    if greater <= less:
        raise InvalidParameter("gt", "is not greater than lt")
    if step is not None and less + 2 * step > greater:
        raise InvalidParameter("st", "is too large a step between lt and gt")


def _number(text: str) -> Decimal | None:
    """Read a number, whole; None for what is none, which the device has to refuse.

    Two limits of 64 bits may differ in the last digit only, which a float has not.
    """
    try:
        number = Decimal(text)
    except DecimalException:
        return None
    fits = number.is_finite() and abs(number.adjusted()) <= _LARGEST_EXPONENT
    return number if fits else None
