"""docs/architecture.md tells of every part of the house, and of no other."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")


def modules(folder: Path) -> set[str]:
    return {path.stem for path in folder.glob("*.py") if not path.stem.startswith("__")}


def test_every_folder_and_module_has_its_place_in_the_table() -> None:
    named = re.findall(r"`([a-z_]+(?:/|\.py))`", "".join(re.findall(r"^\|([^|]*)\|", PAGE, re.MULTILINE)))
    house = ROOT / "orchestrator"
    folders = {f"{path.parent.name}/" for path in house.glob("*/__init__.py")}
    assert sorted(named) == sorted(folders | {f"{module}.py" for module in modules(house)})


def test_the_core_is_read_in_one_order_and_whole() -> None:
    (order,) = re.findall(r"^The core, in the order of reading:(.*?)\n\n", PAGE, re.MULTILINE | re.DOTALL)
    assert sorted(re.findall(r"`(\w+)`", order)) == sorted(modules(ROOT / "orchestrator" / "core"))
