"""The JSON of presubscriptions (R-103 .. R-105)."""

from typing import Annotated

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

from homeport.errors import InvalidParameter
from services.notifier.subscriptions.subscription_store import Rules
from services.notifier.subscriptions.subscriptions import (
    MOST_PATHS,
    MOST_RULES,
    NAME_LENGTH,
    PATH_LENGTH,
)

LARGEST_BODY = 4 * 2**20
"""Bytes; so many rules of usual length and more."""

_Name = Annotated[str, StringConstraints(max_length=NAME_LENGTH)]
_Path = Annotated[str, StringConstraints(max_length=PATH_LENGTH)]


class PresubscriptionBody(BaseModel):
    """A rule: which resources of which devices; what is left out excludes nothing."""

    model_config = ConfigDict(populate_by_name=True)

    endpoint_name: _Name | None = Field(
        default=None,
        alias="endpoint-name",
        description="A device's id or its own name; * at the end for any continuation.",
    )
    endpoint_type: _Name | None = Field(default=None, alias="endpoint-type")
    resource_path: Annotated[list[_Path], Field(max_length=MOST_PATHS)] | None = Field(
        default=None,
        alias="resource-path",
        description="Paths; * at the end for any continuation.",
    )


_ADAPTER = TypeAdapter(
    Annotated[list[PresubscriptionBody], Field(max_length=MOST_RULES)]
)


def parse(body: bytes) -> Rules:
    """Parse rules into what is stored; raise InvalidParameter."""
    try:
        given = _ADAPTER.validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise InvalidParameter("body", f"is wrong: {first['msg']}") from error
    return [each.model_dump(by_alias=True, exclude_none=True) for each in given]
