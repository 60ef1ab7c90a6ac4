"""What the log stores as JSON comes back, whatever characters a caller put into his name."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interaction_log.store.rows import encode

TEXT = st.text(st.characters())  # half characters too
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=12)


@given(value=VALUES)
def test_a_value_is_ascii_and_comes_back(value: object) -> None:
    text = encode(value)
    assert text.isascii()
    assert json.loads(text) == value


def test_characters_are_written_as_python_writes_them() -> None:
    for text in ("王小明", "é😀", 'a"\\\n\x00', "half \ud83d", "\U0010ffff"):
        assert encode({"name": text}) == json.dumps({"name": text}, separators=(",", ":"))


def test_what_is_no_json_is_refused() -> None:
    for value in (object(), {"id": object()}, [{1, 2}], b"bytes"):
        with pytest.raises(TypeError):
            encode(value)
