"""The contract as files (docs/api), ready to be asked: does this fulfil that schema, and what does it name?

Guarantee: a `$ref` that leads nowhere fails whatever test comes by it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator, Draft202012Validator  # type: ignore[import-untyped]  # it ships no types
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7, DRAFT202012

ROOT = Path(__file__).parents[2]
API = ROOT / "docs" / "api"

Document = dict[str, Any]


def read(path: Path) -> Document:
    found: Document = json.loads(path.read_text("utf-8"))
    return found


ASYNCAPI = read(API / "asyncapi.json")
"""Its schemas are of draft 7, as AsyncAPI has it."""

OPENAPI = read(API / "openapi.json")
"""Its schemas are of draft 2020-12, as OpenAPI 3.1 has it."""


class Schemas:
    """The schemas that stand in a document."""

    def __init__(self, name: str, document: Document, validator: type, dialect: Any) -> None:
        self._base = f"urn:contract:{name}"
        self._validator = validator
        resource: Resource[Any] = dialect.create_resource(document)
        self._registry: Registry[Any] = Registry().with_resource(self._base, resource)

    def mistakes(self, instance: object, schema: str) -> list[str]:
        """What is wrong with it, one line each; `schema` is a pointer into the document."""
        validator = self._validator({"$ref": f"{self._base}{schema}"}, registry=self._registry)
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(instance)]


MESSAGES = Schemas("asyncapi", ASYNCAPI, Draft7Validator, DRAFT7)
HTTP = Schemas("openapi", OPENAPI, Draft202012Validator, DRAFT202012)


def status_mistakes(event: Mapping[str, Any]) -> list[str]:
    """What is wrong with a status event, by the schema of its own word."""
    message = STATUS_BY_TYPE[event["type"]]
    return MESSAGES.mistakes(event, message["payload"]["$ref"])


STATUS_BY_TYPE = {
    message["name"]: message
    for message in ASYNCAPI["components"]["messages"].values()
    if message["name"].startswith("mute-orchestrator.")
}


def examples(page: str) -> list[Document]:
    """The JSON objects on a page of docs/."""
    text = (ROOT / "docs" / page).read_text("utf-8")
    return [json.loads(found) for found in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]


def references(node: object) -> Iterator[str]:
    """Every `$ref` in a document."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for inner in node.values():
            yield from references(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from references(inner)


def at(document: Document, reference: str) -> Any:
    """What a `$ref` of the document leads to."""
    assert reference.startswith("#/"), f"{reference} leads out of the file"
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def meant(document: Document, node: Document) -> Document:
    """The node itself, or what its `$ref` leads to."""
    found: Document = at(document, node["$ref"]) if "$ref" in node else node
    return found
