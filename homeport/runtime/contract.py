"""The published calls that applications make: rule, call, statuses (R-31 .. R-107)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_CALLS = """\
R-31 GET /v3/devices 200 400 401 404
R-31 POST /v3/devices 201 400 401 403 409
R-31 GET /v3/devices/{} 200 400 401 404
R-31 PUT /v3/devices/{} 200 400 401 404
R-31 DELETE /v3/devices/{} 204 400 401 404
R-33 POST /v3/devices/{}/suspend 204 400 401 404
R-33 POST /v3/devices/{}/resume 204 400 401 404
R-33 GET /v3/device-block-categories 200 400 401 404
R-33 GET /v3/device-block-categories/{} 200 400 401 404
R-35 GET /v3/device-events 200 400 401 404
R-35 GET /v3/device-events/{} 200 400 401 404
R-35 GET /v3/devicelog 200 400 401 404
R-35 GET /v3/devicelog/{} 200 400 401 404
R-39 GET /v3/device-groups 200 400 401
R-39 POST /v3/device-groups 201 400 401 409
R-39 GET /v3/device-groups/{} 200 400 401 404
R-39 PUT /v3/device-groups/{} 200 400 401 404
R-39 DELETE /v3/device-groups/{} 204 401 404
R-40 GET /v3/device-groups/{}/devices 200 400 401 404
R-40 POST /v3/device-groups/{}/devices/add 204 400 401 404
R-40 POST /v3/device-groups/{}/devices/remove 204 400 401 404
R-44 GET /v3/device-queries 200 400 401
R-44 POST /v3/device-queries 201 400 401
R-44 GET /v3/device-queries/{} 200 400 401 404
R-44 PUT /v3/device-queries/{} 200 400 401 404
R-44 DELETE /v3/device-queries/{} 204 400 401 404
R-47 POST /v3/device-enrollments 201 400 401 409
R-48 GET /v3/device-enrollments 200 400 401
R-48 GET /v3/device-enrollments/{} 200 400 404
R-48 DELETE /v3/device-enrollments/{} 204 400 404
R-52 POST /v3/device-enrollments-bulk-uploads 201 400 401
R-52 GET /v3/device-enrollments-bulk-uploads/{} 200 400 401 404
R-52 POST /v3/device-enrollments-bulk-deletes 201 400 401
R-52 GET /v3/device-enrollments-bulk-deletes/{} 200 400 401 404
R-57 GET /v3/device-enrollment-denials 200 400 401 404
R-57 GET /v3/device-enrollment-denials/{} 200 401 404
R-59 POST /v3/developer-certificates 201 400 401 403 409
R-59 GET /v3/developer-certificates/{} 200 400 401 404
R-64 GET /v3/trusted-certificates 200 401 403
R-64 POST /v3/trusted-certificates 201 400 401 403 409
R-64 GET /v3/trusted-certificates/{} 200 401 403 404
R-64 PUT /v3/trusted-certificates/{} 200 400 401 403 404 409
R-64 DELETE /v3/trusted-certificates/{} 204 401 403 404
R-68 GET /v3/accounts/{}/trusted-certificates 200 401 403
R-68 POST /v3/accounts/{}/trusted-certificates 201 400 401 403 409
R-68 GET /v3/accounts/{}/trusted-certificates/{} 200 401 403 404
R-68 PUT /v3/accounts/{}/trusted-certificates/{} 200 400 401 403 404 409
R-68 DELETE /v3/accounts/{}/trusted-certificates/{} 204 401 403 404
R-70 GET /v3/server-credentials 200 400 401
R-71 GET /v3/server-credentials/{} 200 400 401
R-72 POST /v3/api-keys 201 400 401 403
R-72 GET /v3/api-keys 200 401 403
R-72 GET /v3/api-keys/me 200 401
R-72 PUT /v3/api-keys/me 200 400 401
R-72 GET /v3/api-keys/{} 200 401 403 404
R-72 PUT /v3/api-keys/{} 200 400 401 403 404
R-72 DELETE /v3/api-keys/{} 204 401 403 404
R-75 GET /v3/accounts/me 200 401
R-76 POST /v3/devices/{}/certificates/{}/renew 201 400 401 403 404 409 423
R-77 GET /v3/certificate-enrollments 200 400 401
R-77 GET /v3/certificate-enrollments/{} 200 400 401 404
R-78 GET /v3/certificate-issuers 200 401
R-78 GET /v3/certificate-issuer-configurations 200 401
R-79 POST /v2/device-shared-keys 201 400 401 403 409
R-81 GET /v2/device-shared-keys 200 400 401
R-81 GET /v2/device-shared-keys/{} 200 400 401 404
R-81 DELETE /v2/device-shared-keys/{} 204 400 401
R-85 POST /v2/device-requests/{} 202 400 401 404
R-94 GET /v2/endpoints/{} 200 401 404
R-95 GET /v2/endpoints 200 401
R-96 GET /v2/endpoints/{}/{} 200 202 205 404 410 429
R-96 PUT /v2/endpoints/{}/{} 202 204 404 409 410 429
R-96 POST /v2/endpoints/{}/{} 202 204 404 409 410 429
R-96 DELETE /v2/endpoints/{}/{} 202 204 404 409 410 429
R-98 PUT /v2/subscriptions/{}/{} 200 202 400 404 429
R-99 GET /v2/subscriptions/{}/{} 200 404
R-99 DELETE /v2/subscriptions/{}/{} 204 404
R-100 GET /v2/subscriptions/{} 200 404
R-100 DELETE /v2/subscriptions/{} 204
R-103 PUT /v2/subscriptions 204 400 401 403
R-103 GET /v2/subscriptions 200
R-103 DELETE /v2/subscriptions 204
R-108 GET /v2/notification/channel 200 404
R-110 PUT /v2/notification/callback 204 400 401 403 415
R-110 GET /v2/notification/callback 200 404
R-110 DELETE /v2/notification/callback 204 404
R-112 GET /v2/notification/pull 200 204 400 409 410
R-112 DELETE /v2/notification/pull 200
R-109 PUT /v2/notification/websocket 200 201 400 401 403
R-109 GET /v2/notification/websocket 200 404
R-109 DELETE /v2/notification/websocket 204 404
R-113 GET /v2/notification/websocket-connect 101 400 401 426 429
"""

ALIASES: Mapping[str, str] = {
    "/v3/devicelog": "/v3/device-events",
    "/v3/accounts/{}/trusted-certificates": "/v3/trusted-certificates",
}
"""Paths that lead to the same routes as others, and are not described beside them."""


@dataclass(frozen=True, slots=True)
class PublishedCall:
    """A call and the statuses that it is answered with; ``{}`` stands for a value."""

    rule: str
    method: str
    path: str
    statuses: frozenset[int]

    @property
    def described_as(self) -> tuple[str, str]:
        """The method and the path that its description stands at."""
        for alias, path in ALIASES.items():
            if self.path.startswith(alias):
                return self.method, path + self.path.removeprefix(alias)
        return self.method, self.path


def published() -> Iterator[PublishedCall]:
    """Return all of them, in the order of the contract."""
    for line in _CALLS.splitlines():
        rule, method, path, *statuses = line.split()
        yield PublishedCall(rule, method, path, frozenset(map(int, statuses)))
