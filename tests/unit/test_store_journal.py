"""The journal's file: what is on disk after a crash at any byte is a whole number of groups."""

from __future__ import annotations

from pathlib import Path

import pytest

from interaction_log.store.journal import Journal, JournalFull, JournalLocked
from interaction_log.store.rows import Row


def row(seq: int, text: str = "x") -> Row:
    return (seq, "id", "NoteWritten", 1.5, False, 1, text, None)


def drained(journal: Journal) -> list[int]:
    found: list[int] = []
    while rows := journal.peek():
        found += [one[0] for one in rows]
        journal.drop()
    return found


def test_rows_come_back_in_order_also_after_a_restart(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", 100_000)
    journal.append([row(1), row(2)])
    journal.append([row(3, "王\ud800\0")])
    assert len(journal) == 3 and journal.peek() == [row(1), row(2)]
    journal.close()
    journal = Journal(tmp_path / "j", 100_000)
    assert len(journal) == 3
    journal.drop()
    assert journal.peek() == [row(3, "王\ud800\0")]
    journal.append([row(4)])
    assert drained(journal) == [3, 4] and len(journal) == 0 and journal.used_bytes == 0
    journal.close()


def test_the_space_is_taken_beforehand(tmp_path: Path) -> None:
    Journal(tmp_path / "j", 1_000_000).close()
    stat = (tmp_path / "j").stat()
    assert stat.st_size == 1_000_000 and stat.st_blocks * 512 >= 1_000_000 and stat.st_mode & 0o777 == 0o600


def test_a_torn_tail_at_every_byte(tmp_path: Path) -> None:
    path = tmp_path / "j"
    journal = Journal(path, 10_000)
    journal.append([row(1)])
    first = 4096 + journal.used_bytes
    journal.append([row(2), row(3)])
    end = 4096 + journal.used_bytes
    journal.close()
    whole = path.read_bytes()
    for cut in range(first, end):
        path.write_bytes(whole[:cut] + b"\0" * (len(whole) - cut))
        journal = Journal(path, 10_000)
        assert drained(journal) == [1]
        journal.close()
        path.write_bytes(whole[:cut] + bytes([whole[cut] ^ 0x55]) + whole[cut + 1 :])
        journal = Journal(path, 10_000)
        journal.append([row(9)])  # goes over the torn one
        assert drained(journal) == [1, 9]
        journal.close()


def test_an_earlier_filling_is_never_read_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", 10_000)
    for seq in range(5):
        journal.append([row(seq)])
    assert drained(journal) == [0, 1, 2, 3, 4]
    journal.append([row(7)])
    journal.close()
    journal = Journal(tmp_path / "j", 10_000)
    assert drained(journal) == [7]
    journal.close()


def test_full_means_nothing_was_added(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", 6_000)
    kept = 0
    with pytest.raises(JournalFull):
        while True:
            journal.append([row(kept)])
            kept += 1
    assert journal.nearly_full and len(journal) == kept > 10
    assert drained(journal) == list(range(kept))
    journal.append([row(99)])
    assert drained(journal) == [99]
    journal.close()


def test_one_process_at_a_time(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", 10_000)
    with pytest.raises(JournalLocked):
        Journal(tmp_path / "j", 10_000)
    journal.close()
    Journal(tmp_path / "j", 10_000).close()


def test_a_reservation_survives_everything(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", 10_000)
    journal.append([row(1)])
    journal.reserve(5_000_000)
    assert drained(journal) == [1]
    journal.close()
    journal = Journal(tmp_path / "j", 10_000)
    assert journal.reserved == 5_000_000
    journal.close()


def test_a_damaged_header_stops_the_start(tmp_path: Path) -> None:
    Journal(tmp_path / "j", 10_000).close()
    with (tmp_path / "j").open("r+b") as file:
        file.seek(9)
        file.write(b"\xff")
    with pytest.raises(OSError, match="damaged"):
        Journal(tmp_path / "j", 10_000)
