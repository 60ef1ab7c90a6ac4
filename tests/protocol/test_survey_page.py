"""The page behind a survey's link, as a browser without JavaScript uses it; knowledge over REST by role."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest_asyncio
from fastapi import FastAPI

from agent_console import rest_surveys
from agent_console.survey_page import Ask, page, words_of
from interaction_log.records import NotFound
from interaction_log.store.surveys_store import ANSWERED
from interaction_log.surveys import check

TOKEN = "a-token-that-nobody-guesses"


class OneSurvey:
    """A store with one link."""

    def __init__(self, kind: str = "nps") -> None:
        self.kind = kind
        self.got: tuple[int, str | None] | None = None

    async def asked(self, token: str) -> Any:
        if token != TOKEN or self.got is not None:
            raise NotFound(token)
        return SimpleNamespace(kind=self.kind)

    async def answer_link(self, token: str, score: int, comment: str | None) -> None:
        await self.asked(token)
        self.got = score, check(self.kind, score, comment)


@pytest_asyncio.fixture
async def stored() -> OneSurvey:
    return OneSurvey()


@pytest_asyncio.fixture
async def http(stored: OneSurvey) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    deps: Any = SimpleNamespace(surveys=stored, now=asyncio.get_running_loop().time, trusted_proxies=())
    app.include_router(rest_surveys.routes(deps))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client


async def test_asked_and_answered_once(http: httpx.AsyncClient, stored: OneSurvey) -> None:
    asked = await http.get(f"/survey/{TOKEN}")
    assert asked.status_code == 200 and asked.text.count("type='radio'") == 11 and "<script" not in asked.text
    wrong = await http.post(f"/survey/{TOKEN}", data={"score": "11", "comment": "<b>kept</b>"})
    assert wrong.status_code == 400 and "&lt;b&gt;kept&lt;/b&gt;" in wrong.text and stored.got is None
    done = await http.post(f"/survey/{TOKEN}", data={"score": "9", "comment": " 谢谢 "})
    assert done.status_code == 200 and stored.got == (9, "谢谢")
    for again in (await http.get(f"/survey/{TOKEN}"), await http.post(f"/survey/{TOKEN}", data={"score": "1"})):
        assert again.status_code == 404 and "too old" in again.text
    assert stored.got == (9, "谢谢")


async def test_unknown_links_and_bodies_that_are_no_form(http: httpx.AsyncClient, stored: OneSurvey) -> None:
    assert (await http.get("/survey/unknown")).status_code == 404
    for body in (b"", b"\xff\xfe", b"score=", b"score=%31%30%30", b"&".join([b"a=1"] * 99)):
        got = await http.post(f"/survey/{TOKEN}", content=body)
        assert got.status_code == 400
    assert stored.got is None


async def test_nobody_tries_links_for_long(http: httpx.AsyncClient) -> None:
    codes = [(await http.get(f"/survey/{n}")).status_code for n in range(rest_surveys.A_MINUTE + 1)]
    assert set(codes[:-1]) == {404} and codes[-1] == 429


async def test_in_the_readers_language(http: httpx.AsyncClient) -> None:
    got = await http.get(f"/survey/{TOKEN}", headers={"Accept-Language": "zh-TW,zh;q=0.9,en;q=0.5"})
    assert "lang='zh-CN'" in got.text and "提交" in got.text
    assert words_of("de,en;q=0.5")[0] == "en" and ANSWERED


def test_the_page_escapes_what_was_written() -> None:
    shown = page("en", words_of("en")[1], Ask("csat", "", "</textarea><script>"))
    assert "</textarea><script>" not in shown and shown.count("type='radio'") == 5
