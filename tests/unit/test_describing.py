"""The description of the API is made in a thread for whoever asks first; every route is whole before anybody asks."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from agent_console.describing import PATH, describe, warm


def app() -> FastAPI:
    api = FastAPI(openapi_url=None)
    describe(api)
    router = APIRouter(prefix="/api/things")

    @router.get("")
    async def things() -> dict[str, Any]:
        return {"items": []}

    api.include_router(router)
    return api


async def test_it_is_made_once_and_beside_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    real = FastAPI.openapi

    def openapi(self: FastAPI) -> dict[str, Any]:
        made.append(threading.get_ident())
        return real(self)

    monkeypatch.setattr(FastAPI, "openapi", openapi)
    api = app()
    assert made == []
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://it") as http:
        answers = await asyncio.gather(*(http.get(PATH) for _ in range(4)))
    assert all(list(one.json()["paths"]) == ["/api/things"] for one in answers)
    assert len(made) == 1 and made[0] != threading.get_ident()


async def test_routes_are_whole_after_a_question_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from fastapi import routing

    api = app()
    made: list[str] = []
    real = routing._populate_api_route_state

    def populate(*given: Any, **more: Any) -> Any:
        made.append("route")
        return real(*given, **more)

    monkeypatch.setattr(routing, "_populate_api_route_state", populate)
    await warm(api)
    assert made, "FastAPI makes the inner side of a route in another place now: see warm()"
    made.clear()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://it") as http:
        assert (await http.get("/api/things")).status_code == 200
    assert made == []
