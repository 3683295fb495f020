"""Everything that is checked of a rendered release, and the API's own rules."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import jsonschema
from kubernetes_validate import utils
from referencing import Registry, Resource

from tests.support import chart_pods, chart_wiring
from tests.support.chart import Object

CHECKS: Sequence[Callable[[Sequence[Object]], Iterator[str]]] = (
    chart_pods.quantities,
    chart_pods.ports,
    chart_pods.mounts,
    chart_pods.hooks,
    chart_pods.commands,
    chart_pods.environments,
    chart_pods.security,
    chart_pods.endings,
    chart_wiring.names,
    chart_wiring.selectors,
    chart_wiring.services,
    chart_wiring.scaling,
    chart_wiring.queries,
    chart_wiring.secrets,
    chart_wiring.policies,
)

FOREIGN = frozenset(
    {
        "cert-manager.io/v1",
        "gateway.networking.k8s.io/v1",
        "keda.sh/v1alpha1",
        "monitoring.coreos.com/v1",
    }
)
"""API versions of other projects: no schema of theirs is at hand."""


def faults(objects: Sequence[Object]) -> list[str]:
    """Return what is wrong with a release, in a sentence each."""
    return [fault for check in CHECKS for fault in check(objects)]


def violations(objects: Sequence[Object], version: str) -> list[str]:
    """Return what Kubernetes of a version would not take; unknown fields are among it.

    ``version`` is as in '1.33'.
    """
    return [
        f"{each['kind']} {each['metadata']['name']}: {error.message}"
        for each in objects
        if each["apiVersion"] not in FOREIGN
        for error in _validator(each["kind"], each["apiVersion"], version).iter_errors(
            each
        )
    ]


@cache
def _validator(
    kind: str, api_version: str, version: str
) -> jsonschema.Draft202012Validator:
    group, _, number = api_version.rpartition("/")
    name = "-".join(filter(None, (kind.lower(), group.partition(".")[0], number)))
    folder = f"kubernetes-json-schema/v{version}.0-local-strict"
    schema = utils.schema_contents(f"{folder}/{name}.json", version)
    return jsonschema.Draft202012Validator(schema, registry=_registry(folder, version))


@cache
def _registry(folder: str, version: str) -> Registry[Mapping[str, Any]]:
    contents = utils.schema_contents(f"{folder}/_definitions.json", version)
    made: Registry[Mapping[str, Any]] = Registry()
    return Resource.from_contents(contents) @ made
