"""The table of transfers in the README: every cell is a recorded play, or says why it cannot be."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from tests.golden.story import HERE, STORIES, Story
from tests.pbx.golden import OLDER
from tests.pbx.scenarios import SCENARIOS

README: Final = (HERE / "README.md").read_text(encoding="utf-8")
ROWS: Final = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in README.splitlines()
    if line.startswith("|") and not line.startswith(("| kind", "|---"))
]
SHAPES: Final = ("", "local-kept-", "local-optimised-")
QUEUES: Final = {"": "support", "local-kept-": "600", "local-optimised-": "601"}
_CELL: Final = re.compile(r"`([a-z0-9-]+)`( v16)?|impossible \((\d)\)")
NAMES: Final = {story.name for story in STORIES}


def cells() -> list[tuple[str, str, bool]]:
    """Shape, trace and whether there is one of the older release, of each cell that can be."""
    found = []
    for row in ROWS:
        assert len(row) == 1 + len(SHAPES), row
        for shape, text in zip(SHAPES, row[1:], strict=True):
            cell = _CELL.fullmatch(text)
            assert cell, text
            if cell[3] is None:
                found.append((shape, cell[1], bool(cell[2])))
            else:
                assert f"({cell[3]}) " in README.partition("docs/adr/0008")[2], f"nothing says why {row[0]} cannot be"
    return found


CELLS: Final = cells()


@pytest.mark.parametrize(("shape", "name", "older"), CELLS, ids=[name for _, name, _ in CELLS])
def test_each_cell_is_recorded_with_members_of_that_shape(shape: str, name: str, older: bool) -> None:
    assert name in NAMES and name in SCENARIOS
    assert (f"v16-{name}" in NAMES) == older == (name in OLDER)
    first = Story(name).expectation["interactions"][0]
    assert first.get("queue", QUEUES[shape]) == QUEUES[shape]
    assert bool(b"Channel: Local/1001@from-queue" in Story(name).variants["main"][0]) == bool(shape)


def test_no_trace_stands_in_two_cells() -> None:
    assert len({name for _, name, _ in CELLS}) == len(CELLS)


def test_every_recording_has_its_story() -> None:
    told = {file for story in STORIES for file in story.expectation["files"]}
    assert told == {path.name for path in Path(HERE).glob("*.ami")}
