"""The REST routes that claim many devices, or let go of them (R-52 .. R-56)."""

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.params import Depends
from sqlalchemy import Row

from homeport.store.trust import Grant
from services.directory import bodies
from services.directory.answers import json, missing, needs_operator, parse_id
from services.directory.catalog import ENROLLMENT_TASKS as TASKS
from services.directory.claims import enrollment_bodies, enrollment_csv, uploads
from services.directory.ports import Ports

_FILE = "enrollment_identities"
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [_FILE],
                    "properties": {
                        _FILE: {
                            "type": "string",
                            "format": "binary",
                            "description": "CSV, 10 MB at most: a line that does not "
                            "count, then an identity a line.",
                        }
                    },
                }
            }
        },
    }
}


def routes(ports: Ports, *, caller: Depends) -> APIRouter:
    """Make the routes; ``caller`` says on whose behalf each call is made."""
    router = APIRouter()
    for word, deletes in (("uploads", False), ("deletes", True)):
        path = f"/v3/device-enrollments-bulk-{word}"
        _add_task(router, ports, caller, path, deletes=deletes)
        _add_reports(router, ports, caller, path, deletes=deletes)
    return router


def _add_task(
    router: APIRouter, ports: Ports, caller: Depends, path: str, *, deletes: bool
) -> None:
    word = "delete" if deletes else "upload"
    described = bodies.describe(TASKS.fields, status=201) | {"openapi_extra": _FORM}

    @router.post(path, name=f"create_bulk_{word}", **described)
    async def create(request: Request, grant: Annotated[Grant, caller]) -> Response:
        """Take in a list of enrollment identities; it is worked off soon."""
        needs_operator(grant)
        content = await uploads.read_file(request, _FILE)
        task = await ports.tasks.create(
            grant.account, enrollment_csv.parse(content), deletes=deletes
        )
        row = await _task(ports, grant, task, deletes=deletes)
        return json(_build(request, path, row), status=201)

    @router.get(
        f"{path}/{{task_id}}", name=f"get_bulk_{word}", **bodies.describe(TASKS.fields)
    )
    async def get(
        task_id: str, request: Request, grant: Annotated[Grant, caller]
    ) -> Response:
        """Say how far a list has been worked off."""
        row = await _task(ports, grant, task_id, deletes=deletes)
        return json(_build(request, path, row))


def _add_reports(
    router: APIRouter, ports: Ports, caller: Depends, path: str, *, deletes: bool
) -> None:
    async def report(task_id: str, grant: Grant, *, errors: bool) -> Response:
        row = await _task(ports, grant, task_id, deletes=deletes)
        if row.completed_at is None:
            raise missing()
        results = await ports.tasks.results(grant.account, row.id)
        wanted = [each for each in results if each.error or not errors]
        text = enrollment_csv.build_report(wanted, deletes=deletes)
        return Response(text, media_type="text/csv")

    @router.get(f"{path}/{{task_id}}/full-report.csv", include_in_schema=False)
    async def get_full(task_id: str, grant: Annotated[Grant, caller]) -> Response:
        """Say what came of each line of a list."""
        return await report(task_id, grant, errors=False)

    @router.get(f"{path}/{{task_id}}/errors-report.csv", include_in_schema=False)
    async def get_errors(task_id: str, grant: Annotated[Grant, caller]) -> Response:
        """Say which lines of a list were wrong."""
        return await report(task_id, grant, errors=True)


async def _task(ports: Ports, grant: Grant, task_id: str, *, deletes: bool) -> Row[Any]:
    identity = parse_id("task id", task_id)
    row = await ports.catalog.get(TASKS, grant.account, identity)
    if row is None or row.deletes is not deletes:
        raise missing()
    return row


def _build(request: Request, path: str, row: Row[Any]) -> dict[str, object]:
    base = str(request.base_url).rstrip("/")
    return enrollment_bodies.build_task(row, f"{base}{path}/{row.id}")
