"""The dashboard for Grafana: about what the daemon shows, with the data source of whoever imports it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.instruments.asked import LABELS, asked, grouped, unknown
from tests.instruments.promtool import needed, promtool

FOLDER = Path(__file__).parents[2] / "config" / "grafana"
BOARDS = sorted(FOLDER.glob("*.json"))


@pytest.fixture(params=BOARDS, ids=lambda path: path.stem)
def board(request: pytest.FixtureRequest) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(request.param.read_text("utf-8"))
    return loaded


def queries(board: dict[str, Any]) -> list[str]:
    return [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]


def test_there_is_one() -> None:
    assert BOARDS


def test_panels_ask_for_what_the_daemon_shows(board: dict[str, Any]) -> None:
    for query in queries(board):
        assert list(asked(query)), query
        assert unknown(query) == [], query
        assert grouped(query) <= LABELS, query


def test_every_panel_says_what_it_shows(board: dict[str, Any]) -> None:
    assert all(panel["description"] for panel in board["panels"] if panel["type"] != "row")
    titles = [panel["title"] for panel in board["panels"]]
    assert len({panel["id"] for panel in board["panels"]}) == len(titles)


def test_no_panel_lies_on_another(board: dict[str, Any]) -> None:
    cells = [
        (x, y)
        for at in (panel["gridPos"] for panel in board["panels"])
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(cells) == len(set(cells))
    assert all(x < 24 for x, _ in cells)


def test_the_data_source_is_chosen_where_it_is_imported(board: dict[str, Any]) -> None:
    sources = [panel["datasource"]["uid"] for panel in board["panels"] if panel["type"] != "row"]
    assert set(sources) == {"${datasource}"}
    assert {variable["name"] for variable in board["templating"]["list"]} == {"datasource", "account"}


@needed
def test_promtool_can_read_every_query(board: dict[str, Any], tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:query:{number}", "expr": query.replace("$__rate_interval", "1m")}
        for number, query in enumerate(queries(board))
    ]
    file = tmp_path / "queries.yml"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))  # JSON is YAML
    promtool("check", "rules", file)
