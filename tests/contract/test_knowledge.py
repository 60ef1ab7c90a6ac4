"""Articles, scripts and their versions, on SQLite and PostgreSQL."""

# ruff: noqa: F811 (fixtures)
from __future__ import annotations

from dataclasses import replace

import pytest

from interaction_log.found import Question, Scope
from interaction_log.knowledge import Draft, Step, Text, Way, in_language
from interaction_log.records import Conflict, NotFound, Refused
from interaction_log.store import Store
from tests.contract.test_store import postgres, store, url  # noqa: F401 (fixtures)

ARTICLE = Draft(
    kind="article",
    texts={"en": Text(title="Refunds", body="Within **14 days**."), "zh-CN": Text(title="退款", body="十四天内可退。")},
    queues=["support"],
)
SCRIPT = Draft(
    kind="script",
    texts={"en": Text(title="Sales call")},
    steps=[
        Step(id="hello", texts={"en": Text(title="Greet")}, next=[Way(labels={"en": "Go on"}, to="ask")]),
        Step(id="ask", texts={"en": Text(title="Ask")}, fields=["organisation", "fields.tier"]),
    ],
    queues=["sales"],
    campaigns=["spring"],
)


async def test_a_draft_is_not_read_before_it_is_published(store: Store) -> None:
    one = await store.knowledge.write(None, ARTICLE, "sofia")
    assert (one.version.n, one.version.state, one.published) == (1, "draft", None)
    assert await store.knowledge.all(drafts=False) == []
    with pytest.raises(NotFound):
        await store.knowledge.published(one.id)
    await store.knowledge.publish(one.id, 1, "admin")
    (read,) = await store.knowledge.all(drafts=False)
    assert read.texts == ARTICLE.texts and read.version.published_by == "admin"


async def test_old_versions_stay_readable_and_can_be_published_again(store: Store) -> None:
    one = await store.knowledge.write(None, ARTICLE, "sofia")
    await store.knowledge.publish(one.id, 1, "sofia")
    changed = replace(ARTICLE, texts={"en": Text(title="Refunds", body="Within 30 days.")})
    second = await store.knowledge.write(one.id, changed, "sofia", 1)
    again = await store.knowledge.write(one.id, changed, "sofia", 2)  # over the draft
    assert (second.version.n, again.version.n) == (2, 2)
    assert (await store.knowledge.published(one.id)).texts == ARTICLE.texts
    await store.knowledge.publish(one.id, 2, "sofia")
    assert (await store.knowledge.get(one.id, 1)).texts == ARTICLE.texts
    assert [(v.n, v.state) for v in await store.knowledge.versions(one.id)] == [(2, "published"), (1, "old")]
    await store.knowledge.publish(one.id, 1, "sofia")
    assert [(v.n, v.state) for v in await store.knowledge.versions(one.id)] == [(2, "old"), (1, "published")]


async def test_two_writers_do_not_overwrite_each_other(store: Store) -> None:
    one = await store.knowledge.write(None, ARTICLE, "sofia")
    await store.knowledge.publish(one.id, 1, "sofia")
    await store.knowledge.write(one.id, ARTICLE, "sofia", 1)
    with pytest.raises(Conflict):
        await store.knowledge.write(one.id, ARTICLE, "admin", 1)


async def test_the_desk_gets_what_belongs_to_the_call_scripts_first(store: Store) -> None:
    for draft in (ARTICLE, SCRIPT, replace(ARTICLE, queues=["sales"], position=1), replace(ARTICLE, queues=[])):
        one = await store.knowledge.write(None, draft, "sofia")
        await store.knowledge.publish(one.id, 1, "sofia")
    assert [one.kind for one in await store.knowledge.for_desk("sales", None)] == ["script", "article"]
    assert [one.kind for one in await store.knowledge.for_desk("other", "spring")] == ["script"]
    assert await store.knowledge.for_desk(None, None) == []


async def test_it_is_found_by_its_words_until_it_is_retired(store: Store) -> None:
    one = await store.knowledge.write(None, ARTICLE, "sofia")
    question = Question(text="可退", kinds=("article",))
    everything = Scope(everything=True)
    assert (await store.search.find(question, everything)).items == []
    await store.knowledge.publish(one.id, 1, "sofia")
    assert [found.ref for found in (await store.search.find(question, everything)).items] == [one.id]
    await store.knowledge.retire(one.id)
    assert (await store.search.find(question, everything)).items == []
    assert await store.knowledge.all(drafts=False) == []
    assert len(await store.knowledge.all(drafts=True)) == 1


@pytest.mark.parametrize(
    ("draft", "at_fault"),
    [
        (replace(ARTICLE, texts={}), "texts"),
        (replace(ARTICLE, texts={"en": Text(title=" ")}), "texts.en.title"),
        (replace(ARTICLE, texts={"not a tag": Text(title="A")}), "texts"),
        (replace(ARTICLE, texts={"en": Text(title="A", body="a\0b")}), "texts.en.body"),
        (replace(ARTICLE, steps=SCRIPT.steps), "steps"),
        (replace(SCRIPT, steps=[]), "steps"),
        (replace(SCRIPT, steps=[SCRIPT.steps[0]]), "steps.0.next"),
        (replace(SCRIPT, steps=[SCRIPT.steps[1], SCRIPT.steps[1]]), "steps.1.id"),
        (replace(SCRIPT, steps=[replace(SCRIPT.steps[1], fields=["password"])]), "steps.0.fields"),
        (replace(ARTICLE, queues=[""]), "queues"),
    ],
)
async def test_what_is_wrong_is_named(store: Store, draft: Draft, at_fault: str) -> None:
    with pytest.raises(Refused) as error:
        await store.knowledge.write(None, draft, "sofia")
    assert error.value.field == at_fault


def test_the_language_that_is_shown() -> None:
    assert in_language({"zh-CN": 1, "en": 2}, "zh-CN") == "zh-CN"
    assert in_language({"zh-CN": 1, "en": 2}, "zh-TW") == "zh-CN"
    assert in_language({"zh-CN": 1, "en": 2}, "fr") == "en"
    assert in_language({"de": 1}, "fr") == "de"
