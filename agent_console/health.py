"""``/healthz``, ``/readyz``, ``/metrics``: for load balancers and monitoring, without sign-in and without details."""

import asyncio
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from agent_console.deps import ConsoleDeps
from agent_console.metrics import CONTENT_TYPE, Metrics
from agent_console.ports import Part

PROBE_SECONDS = 2.0
FRESH_SECONDS = 1.0  # so that a flood of probes costs one look at the database a second


class Health:
    """Whether sign-in works, looked at no more than once a second, and what the hub says of the rest."""

    def __init__(self, deps: ConsoleDeps):
        self._deps = deps
        self._looked_at: float | None = None
        self._changed_at = deps.now()
        self._works = False
        self._lock = asyncio.Lock()

    async def sign_in_works(self) -> bool:
        """Whether the users table answers."""
        async with self._lock:
            if self._looked_at is None or self._deps.now() - self._looked_at > FRESH_SECONDS:
                self._note(await self._look())
        return self._works

    async def _look(self) -> bool:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                await self._deps.users.all()
        except Exception:
            return False
        return True

    def _note(self, works: bool) -> None:
        self._looked_at = self._deps.now()
        self._works = works

    async def parts(self) -> list[Part]:
        """Sign-in first, then what the hub knows."""
        works = await self.sign_in_works()
        age = self._deps.now() - (self._looked_at or 0.0)
        own = Part(name="sign_in", ok=works, state="ok" if works else "failed", age_seconds=round(age, 3))
        return [own, *self._deps.live.health()]


def routes(deps: ConsoleDeps, health: Health, metrics: Metrics) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["monitoring"])

    @router.get("/healthz")
    async def healthz() -> Response:
        """200 only when people can sign in."""
        works = await health.sign_in_works()
        return PlainTextResponse("ok\n" if works else "sign-in does not work\n", 200 if works else 503)

    @router.get("/readyz")
    async def readyz() -> Response:
        """Each dependency with its state and the age of that knowledge; 503 when a required one fails."""
        parts = await health.parts()
        ready = all(part.ok for part in parts if part.required)
        document: dict[str, Any] = {"ready": ready, "role": "leader", "parts": [_outside(part) for part in parts]}
        return JSONResponse(document, 200 if ready else 503)

    @router.get("/metrics")
    async def numbers() -> Response:
        """For Prometheus."""
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    return router


def _outside(part: Part) -> dict[str, Any]:
    return {"name": part.name, "ok": part.ok, "state": part.state, "age_seconds": part.age_seconds}
