"""Many claims at once."""

from typing import Any

import httpx
import pytest

from services.directory.claims import enrollment_tasks, uploads
from tests.support.directory import ACCOUNT, OTHER_ACCOUNT, Site
from tests.support.polling import until

pytestmark = pytest.mark.integration

UPLOADS = "/v3/device-enrollments-bulk-uploads"
DELETES = "/v3/device-enrollments-bulk-deletes"
CLAIMS = "/v3/device-enrollments"
FIELD = "enrollment_identities"


def identity(number: int) -> str:
    digits = f"{number:064X}"
    return "A-" + ":".join(digits[at : at + 2] for at in range(0, 64, 2))


def listed(*identities: str) -> bytes:
    return "\n".join(["identity", *identities]).encode()


async def post(opened: Site, path: str, content: bytes) -> httpx.Response:
    return await opened.client.post(path, files={FIELD: ("list.csv", content)})


async def put_in(opened: Site, path: str, content: bytes) -> dict[str, Any]:
    answer = await post(opened, path, content)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def done(opened: Site, path: str, content: bytes) -> dict[str, Any]:
    """Have a list worked off; return its task."""
    task = await put_in(opened, path, content)

    async def completed() -> bool:
        shown = await opened.get(f"{path}/{task['id']}")
        return bool(shown["status"] == "completed")

    await until(completed)
    return await opened.get(f"{path}/{task['id']}")


async def report(opened: Site, url: str) -> list[list[str]]:
    answer = await opened.client.get(url)
    assert answer.headers["content-type"].startswith("text/csv")
    return [line.split(",") for line in answer.text.splitlines()[1:]]


async def test_a_task_is_new_until_somebody_works_it_off(opened: Site) -> None:
    task = await put_in(opened, f"{UPLOADS}/", listed(identity(1)))
    assert task["object"] == "enrollment-identity-bulk-uploads"
    assert (task["account_id"], task["status"]) == (ACCOUNT, "new")
    assert (task["total_count"], task["processed_count"], task["errors_count"]) == (
        1,
        0,
        0,
    )
    for name in (
        "completed_at",
        "completet_at",
        "full_report_file",
        "errors_report_file",
    ):
        assert task[name] is None
    await opened.send("GET", f"{UPLOADS}/{task['id']}/full-report.csv", status=404)


async def test_one_bad_line_never_stops_the_others(
    opened: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enrollment_tasks, "PIECE", 2)
    await opened.send("POST", CLAIMS, {"enrollment_identity": identity(7)}, status=201)
    content = listed(
        identity(1), "", '""', "nonsense", identity(7), identity(2).lower(), identity(1)
    ).replace(b"a-", b"A-")
    async with opened.running(task_poll_seconds=0.1):
        task = await done(opened, UPLOADS, content)
    assert (task["total_count"], task["processed_count"], task["errors_count"]) == (
        6,
        6,
        4,
    )
    assert task["completed_at"] == task["completet_at"] is not None
    rows = await report(opened, task["full_report_file"])
    assert [row[3] for row in rows] == [
        *("", "validation_error", "validation_error"),
        *("duplicate", "", "duplicate"),
    ]
    created = [row[0] for row in rows if row[0]]
    claims = await opened.get(CLAIMS)
    assert {each["id"] for each in claims["data"]} > set(created)
    assert claims["total_count"] == 3
    wrong = await report(opened, task["errors_report_file"])
    assert wrong == [row for row in rows if row[3]]
    (known,) = await opened.entries.claims([f"{1:064x}"])
    assert known is not None


async def test_claims_are_deleted_as_they_are_uploaded(opened: Site) -> None:
    async with opened.running(task_poll_seconds=0.1):
        await done(opened, UPLOADS, listed(identity(1), identity(2)))
        task = await done(opened, DELETES, listed(identity(1), identity(3)))
        assert (task["processed_count"], task["errors_count"]) == (2, 1)
        rows = await report(opened, task["full_report_file"])
        assert [row[3] for row in rows] == ["", "not_found"]
        (left,) = (await opened.get(CLAIMS))["data"]
        assert left["enrollment_identity"] == identity(2)

        async def gone() -> bool:
            return await opened.entries.claims([f"{1:064x}"]) == [None]

        await until(gone)


async def test_a_list_without_lines_is_done_at_once(opened: Site) -> None:
    async with opened.running(task_poll_seconds=0.1):
        task = await done(opened, UPLOADS, b"identity\n,,\n")
    assert (task["total_count"], task["errors_count"]) == (0, 0)
    assert await report(opened, task["full_report_file"]) == []


async def test_replicas_share_the_work(opened: Site) -> None:
    identities = [identity(number) for number in range(2_500)]
    async with (
        opened.running(task_poll_seconds=0.1),
        opened.running(task_poll_seconds=0.1),
    ):
        task = await done(opened, UPLOADS, listed(*identities))
    assert (task["processed_count"], task["errors_count"]) == (2_500, 0)
    assert (await opened.get(CLAIMS, limit=2))["total_count"] == 2_500


@pytest.mark.parametrize(
    "content",
    [b"x" * (uploads.LARGEST_FILE + 1), b"x" * (2 * uploads.LARGEST_FILE)],
    ids=["a little", "far"],
)
async def test_a_file_that_is_too_long_is_refused(opened: Site, content: bytes) -> None:
    answer = await post(opened, UPLOADS, content)
    assert answer.status_code == 400
    assert answer.json()["fields"][0]["name"] == FIELD


@pytest.mark.parametrize(
    ("headers", "content"),
    [
        ({}, b""),
        ({"content-type": "application/json"}, b"{}"),
        ({"content-type": "multipart/form-data"}, b"--x"),
        ({"content-type": "multipart/form-data; boundary=x"}, b"nonsense"),
        (
            {"content-type": "multipart/form-data; boundary=x"},
            (
                b'--x\r\ncontent-disposition: form-data; name="enrollment_identities"'
                b"\r\n\r\ntext\r\n--x--\r\n"
            ),
        ),
    ],
    ids=["nothing", "json", "no boundary", "no parts", "no file"],
)
async def test_what_is_no_file_is_refused(
    opened: Site, headers: dict[str, str], content: bytes
) -> None:
    answer = await opened.client.post(UPLOADS, content=content, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["fields"][0]["name"] == FIELD


async def test_a_task_is_seen_by_who_made_it_and_where(opened: Site) -> None:
    task = await put_in(opened, UPLOADS, listed(identity(1)))
    await opened.send("GET", f"{DELETES}/{task['id']}", status=404)
    await opened.send("GET", f"{UPLOADS}/nothing", status=400)
    opened.client.headers.update(await opened.allow("ak_other", OTHER_ACCOUNT))
    await opened.send("GET", f"{UPLOADS}/{task['id']}", status=404)
    reader = await opened.allow("ak_reader", ACCOUNT, role="reader")
    opened.client.headers.update(reader)
    assert (await post(opened, UPLOADS, listed(identity(2)))).status_code == 403
