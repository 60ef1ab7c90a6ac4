"""Any file, taken in any way and taken back, leaves the database as it was; nothing is half-hidden in between."""

from __future__ import annotations

import asyncio
import tempfile
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interaction_log.store import Store
from tests.contract.test_imports import HEADER, content, taken

NAMES = st.sampled_from(["Anna", "Bo", "bo", "王小明", "=1", ""])
PHONES = st.sampled_from([f"+861380013800{n}" for n in range(6)] + ["12", ""])
MAILS = st.sampled_from([f"p{n}@example.com" for n in range(4)] + ["P0@Example.com", "no mail", ""])
ROW = st.tuples(NAMES, PHONES, MAILS, st.sampled_from(["Jinghua", "Org", ""]), st.sampled_from(["note", ""]))
PERSON = st.tuples(
    st.sampled_from(["Anna", "Bo", "王小明"]),
    st.lists(st.sampled_from([f"+861380013800{n}" for n in range(6)]), max_size=2, unique=True),
    st.lists(st.sampled_from([f"p{n}@example.com" for n in range(4)]), max_size=2, unique=True),
)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    people=st.lists(PERSON, max_size=4),
    files=st.lists(
        st.tuples(st.lists(ROW, min_size=1, max_size=8), st.sampled_from(["update", "skip", "new"]), st.booleans()),
        min_size=1,
        max_size=3,
    ),
)
def test_imports_taken_back_in_reverse_order_leave_nothing(people: list[Any], files: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_there_and_back(f"sqlite:///{folder}/log.db", people, files))


async def _there_and_back(url: str, people: list[Any], files: list[Any]) -> None:
    store = await asyncio.to_thread(Store.open, url, default_region="CN")
    try:
        for name, phones, emails in people:
            await store.customers.create({"name": name, "phones": phones, "emails": emails})
        states, jobs = [content(url)], []
        for rows, duplicates, rename in files:
            data = HEADER + "".join(",".join(row) + "\n" for row in rows)
            job = await taken(store, url, data.encode(), duplicates=duplicates, rename=rename)
            if job.state == "failed":  # every row was empty
                assert job.failure is not None and job.failure["message"] == "has no rows under its headings"
                continue
            _adds_up(job.counts, job.total)
            states.append(content(url))
            jobs.append(job)
        for job in reversed(jobs):
            assert content(url) == states.pop()
            await store.imports.begin(job.id, "undoing", "sofia")
            await store.imports.work(job.id)
            now = await store.imports.get(job.id)
            assert now.state == "undone" and "kept" not in now.counts
        assert content(url) == states.pop()
    finally:
        await asyncio.to_thread(store.close)


def _adds_up(counts: dict[str, int], total: int | None) -> None:
    assert sum(number for name, number in counts.items() if "." not in name) == total
    assert "waiting" not in counts
