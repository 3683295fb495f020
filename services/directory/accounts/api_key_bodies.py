"""API keys and accounts: what callers say of them, and how they are shown (R-72 ..)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field
from sqlalchemy import BigInteger, Row

from homeport.store.trust import Role
from services.directory import fields, times
from services.directory.fields import BARE, ID, LIST, TEXT, TIME, Kind
from services.directory.schema import api_keys
from services.directory.storable import storable


def _milliseconds(time: datetime) -> int:
    return int(time.timestamp() * 1000)


_NUMBER: Mapping[str, object] = {"type": "integer"}
_CREATION = Kind(BigInteger(), int, _NUMBER, _milliseconds)
_LOGIN = Kind(BigInteger(), int, _NUMBER)
_columns = api_keys.c

API_KEY: Mapping[str, fields.Field] = {
    "object": fields.Field(TEXT, unset="api-key"),
    "id": fields.Field(ID, _columns.id),
    "account_id": fields.Field(ID, _columns.account_id),
    "key": fields.Field(TEXT, _columns.key, "", BARE, BARE),
    "name": fields.Field(TEXT, _columns.name),
    "role": fields.Field(TEXT, _columns.role),
    "status": fields.Field(TEXT, _columns.status),
    "owner": fields.Field(TEXT, _columns.owner, "", BARE, BARE),
    "groups": fields.Field(LIST, _columns.groups),
    "created_at": fields.Field(TIME, _columns.created_at),
    "updated_at": fields.Field(TIME, _columns.updated_at),
    "creation_time": fields.Field(_CREATION, _columns.created_at),
    "last_login_time": fields.Field(_LOGIN, _columns.last_login_time),
    "etag": fields.Field(TIME, _columns.updated_at),
}
"""``key`` without its secret end."""

ACCOUNT_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        name: {"type": "string"} for name in ("object", "id", "created_at", "etag")
    },
}

Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(storable)]
Owner = Annotated[str, Field(max_length=100), AfterValidator(storable)]
Groups = Annotated[list[Owner], Field(max_length=100)]
Status = Literal["ACTIVE", "INACTIVE"]


class ApiKeyBody(BaseModel):
    """A key to be made; what is not known is ignored (R-7)."""

    name: Name
    role: Role = Field(
        default="operator",
        description="A reader changes nothing, an operator no keys and certificates.",
    )
    status: Status = "ACTIVE"
    owner: Owner = ""
    groups: Groups = Field(default_factory=list)


class ApiKeyChanges(BaseModel):
    """What is to be different of a key; what is not given stays."""

    name: Name | None = None
    role: Role | None = None
    status: Status | None = None
    owner: Owner | None = None
    groups: Groups | None = None

    def given(self) -> dict[str, Any]:
        """Return what is said, as columns."""
        return self.model_dump(exclude_none=True)


class OwnKeyChanges(BaseModel):
    """What any key may change of itself: how it is called."""

    name: Name


def build_account(row: Row[Any]) -> dict[str, object]:
    """Build an account as its callers are shown it."""
    made = times.build(row.created_at)
    return {"object": "account", "id": row.id, "created_at": made, "etag": made}
