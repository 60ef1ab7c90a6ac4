"""Keys of people: what is destroyed is made by nobody, everything else stays as it was, whatever the power does."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interaction_log.store import person_keys
from interaction_log.store.master_key import KeyFault
from interaction_log.store.person_keys import PLACES, PersonKeys, first_place, load_or_make

_NEAR = st.builds(lambda top, rest: (top << 20 | rest) % PLACES, st.integers(0, 1), st.integers(0, (1 << 20) - 1))
"""Places that share much of their way."""
places = st.one_of(st.integers(0, PLACES - 1), _NEAR, st.integers(0, 40))


class Cut(Exception):
    """The power is gone."""


@pytest.fixture(scope="module")
def made() -> Iterator[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        load_or_make(Path(folder) / "keys")
        yield (Path(folder) / "keys").read_bytes()


def leading_to(content: bytes, place: int) -> list[int]:
    """Where in the file a node stands that this key can be made of, whether it counts or not: by brute force."""
    found = []
    top = person_keys._BEGIN + (place >> 20) * 32
    if content[top : top + 32] != bytes(32):
        found.append(top)
    for at in range(person_keys._BLOCKS, len(content) - person_keys._BLOCK + 1, person_keys._BLOCK):
        level, path = content[at + 1], int.from_bytes(content[at + 2 : at + 8], "big")
        if place >> (4 - level) * 5 == path:
            step = place >> (3 - level) * 5 & 31
            node = at + 8 + step * 32
            if content[node : node + 32] != bytes(32):
                found.append(node)
    return found


def key(tree: PersonKeys, place: int) -> bytes | None:
    return tree._node(place)


@settings(max_examples=40, deadline=None)
@given(gone=st.lists(places, max_size=12), others=st.lists(places, min_size=1, max_size=12))
def test_what_is_destroyed_is_gone_and_all_else_stays(made: bytes, gone: list[int], others: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "keys"
        path.write_bytes(made)
        tree, beside = PersonKeys(path), PersonKeys(path)
        before = {place: key(tree, place) for place in others}
        assert len(set(before.values())) == len(set(others)) and None not in before.values()
        assert tree.destroy(gone) == len(set(gone)) and tree.destroy(gone) == 0
        beside.refresh()
        for one in (tree, beside, PersonKeys(path)):
            assert all(key(one, place) is None and one.cipher(place) is None for place in gone)
            assert {p: key(one, p) for p in others if p not in gone} == {
                p: k for p, k in before.items() if p not in gone
            }
        assert not any(leading_to(path.read_bytes(), place) for place in gone)
        assert tree.number == PersonKeys(path).number


@settings(max_examples=40, deadline=None)
@given(gone=st.lists(places, min_size=1, max_size=4, unique=True), left=st.integers(0, 40), torn=st.booleans())
def test_the_power_may_go_at_any_write(made: bytes, gone: list[int], left: int, torn: bool) -> None:
    """At the n-th write, before it or in the middle of it: the keys are old or gone, and a second try does it all."""
    fuse = [left]
    real = person_keys._write

    def failing(file: object, at: int, content: bytes) -> None:
        fuse[0] -= 1
        if fuse[0] == 0:
            if torn and len(content) > 32:  # what is one sector is written or not
                real(file, at, content[: len(content) // 2 + 100])  # type: ignore[arg-type]
            raise Cut
        real(file, at, content)  # type: ignore[arg-type]

    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        path = Path(folder) / "keys"
        path.write_bytes(made)
        whole = {place: key(PersonKeys(path), place) for place in gone}
        spared = {place ^ 1: key(PersonKeys(path), place ^ 1) for place in gone if place ^ 1 not in gone}
        patch.setattr(person_keys, "_write", failing)
        with contextlib.suppress(Cut):
            PersonKeys(path).destroy(gone)
        patch.setattr(person_keys, "_write", real)
        again = PersonKeys(path)
        assert all(key(again, place) in (None, whole[place]) for place in gone)
        again.destroy(gone)
        assert {place: key(PersonKeys(path), place) for place in spared} == spared
        assert not any(leading_to(path.read_bytes(), place) for place in gone)


def test_an_owner_that_comes_again_has_another_key(made: bytes, tmp_path: Path) -> None:
    (tmp_path / "keys").write_bytes(made)
    tree, secret = load_or_make(tmp_path / "keys"), b"s" * 32
    seen = set()
    for _ in range(5):
        place = tree.place("address:+8613800138000", secret)
        assert key(tree, place) not in seen
        seen.add(key(tree, place))
        assert tree.destroy([place]) == 1
    assert first_place("address:+8613800138000", secret) != tree.place("address:+8613800138000", secret)
    assert tree.place("customer:a", secret) != tree.place("customer:a", b"t" * 32)


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "keys").write_bytes(b"CWTREE\x01\n" + bytes(100))
    with pytest.raises(KeyFault):
        load_or_make(tmp_path / "keys")
    with pytest.raises(KeyFault):
        PersonKeys(tmp_path / "nowhere")
    first = load_or_make(tmp_path / "new")
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0 and load_or_make(tmp_path / "new").number == first.number
