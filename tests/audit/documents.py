"""The schema of a record as it stands in docs/api, and the table of the audit's own records in docs/audit.md.

`python -m tests.audit.documents` writes them; a test compares.
"""

import json
from pathlib import Path

from orchestrator.audit import schema

DOCS = Path(__file__).parents[2] / "docs"
SCHEMA, PAGE = DOCS / "api" / "audit.schema.json", DOCS / "audit.md"
BEGIN, END = "<!-- records: made by tests/audit/documents.py -->", "<!-- end of records -->"


def schema_text() -> str:
    return json.dumps(schema.document(), indent=2) + "\n"


def table() -> str:
    rows = [
        f"| `{event}` | {', '.join(f'`{name}`' for name in kind.fields)} | {kind.meaning} |"
        for event, kind in schema.OWN.items()
    ]
    fields = [f"| `{name}` | {meaning} |" for name, meaning in schema.OWN_FIELDS.items()]
    head = ["| event | fields | meaning |", "|---|---|---|"]
    return "\n".join([*head, *rows, "", "| field | meaning |", "|---|---|", *fields])


def page_text(text: str) -> str:
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.split(END)[1]}"


def main() -> None:
    SCHEMA.write_text(schema_text(), "utf-8")
    PAGE.write_text(page_text(PAGE.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
