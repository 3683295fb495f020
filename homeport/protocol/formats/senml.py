"""SenML: records whose names and times are parts of a base (RFC 8428).

What JSON and CBOR have in common: here a record's labels are those of JSON. LwM2M uses
some of them (LwM2M 1.1 core §7.4.4) and adds ``vlo``, a link to an object.
"""

import math
from collections.abc import Iterator, Mapping, Sequence

from homeport.errors import InvalidName, InvalidValue
from homeport.protocol import paths
from homeport.protocol.formats import values
from homeport.protocol.formats.payloads import Reading
from homeport.protocol.formats.records import ObjectLink, Record, Time, Value
from homeport.protocol.paths import Path

Fields = Mapping[str, object]
"""A record by its labels."""

VERSION = 10
"""The version of SenML that RFC 8428 §4.4 defines, and every earlier one."""
LONGEST_NAME = 64
"""Characters of a name; the longest path has 24."""

_VALUES = ("v", "vs", "vb", "vd", "vlo")
_SUMS = frozenset({"bv", "bs", "s"})
"""Labels that would change a value, and that LwM2M does not have."""
