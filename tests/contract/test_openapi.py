"""docs/api/openapi.json: right by OpenAPI's own schema, without loose ends, in the words of asyncapi.json."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it ships no types

from orchestrator.core.model import Direction, LegStatus
from tests.contract.documents import ASYNCAPI, HTTP, OPENAPI, at, meant, read, references
from tests.peers.node import HERE as PEERS
from tests.peers.node import peer

PATHS, COMPONENTS = OPENAPI["paths"], OPENAPI["components"]
SCHEMAS = COMPONENTS["schemas"]
OPERATIONS = {
    (method.upper(), path): operation
    for path, item in PATHS.items()
    for method, operation in item.items()
    if method != "parameters"
}


def _examples() -> Iterator[Any]:
    """Each example of a body, with its schema."""
    for operation in OPERATIONS.values():
        bodies = [operation["requestBody"]] if "requestBody" in operation else []
        for of in [*bodies, *operation["responses"].values()]:
            for media in meant(OPENAPI, of).get("content", {}).values():
                for name, example in media.get("examples", {}).items():
                    yield pytest.param(media["schema"], example["value"], id=f"{operation['operationId']}-{name}")


class TestByTheirSchema:
    pytestmark = peer

    def test_it_is_an_openapi_document(self) -> None:
        official = read(
            PEERS / "node_modules" / "@apidevtools" / "openapi-schemas" / "schemas" / "v3.1" / "schema.json"
        )
        assert [error.message for error in Draft202012Validator(official).iter_errors(OPENAPI)] == []


def test_every_schema_is_one() -> None:
    for schema in SCHEMAS.values():
        Draft202012Validator.check_schema(schema)


def test_every_reference_leads_somewhere() -> None:
    for reference in references(OPENAPI):
        at(OPENAPI, reference)


def test_every_component_is_used() -> None:
    used = set(references(OPENAPI))
    for kind, named in COMPONENTS.items():
        if kind != "securitySchemes":
            assert [name for name in named if f"#/components/{kind}/{name}" not in used] == []


def test_what_both_documents_describe_they_describe_alike() -> None:
    both = SCHEMAS.keys() & ASYNCAPI["components"]["schemas"].keys()
    assert {"Section", "Call", "Standing", "CallState", "EndCause", "StartFields", "Started", "EndedEvent"} <= both
    for name in both:
        assert SCHEMAS[name] == ASYNCAPI["components"]["schemas"][name]


@pytest.mark.parametrize(("schema", "value"), list(_examples()))
def test_every_example_fulfils_its_schema(schema: dict[str, Any], value: object) -> None:
    choices = schema.get("anyOf", [schema])
    assert any(HTTP.mistakes(value, choice["$ref"]) == [] for choice in choices)


def test_every_operation_names_its_path_parameters() -> None:
    for (_, path), operation in OPERATIONS.items():
        given = [meant(OPENAPI, of) for of in [*PATHS[path].get("parameters", []), *operation.get("parameters", [])]]
        assert [of["name"] for of in given if of["in"] == "path"] == re.findall(r"\{(\w+)\}", path)


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(set(names)) == len(names)


def test_every_refusal_is_a_problem() -> None:
    """But for /readyz, which says the same by 200 and by 503."""
    for (_, path), operation in OPERATIONS.items():
        for status, response in operation["responses"].items():
            if int(status) >= 400 and path != "/readyz":
                assert meant(OPENAPI, response)["content"].keys() == {"application/problem+json"}


def test_words_are_those_of_the_code() -> None:
    leg = SCHEMAS["Leg"]["properties"]
    assert leg["direction"]["enum"] == [direction.value for direction in Direction]
    assert leg["status"]["enum"] == [status.value for status in LegStatus]
