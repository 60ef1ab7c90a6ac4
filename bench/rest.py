"""The product's REST and metrics, as somebody with a session sees them."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from typing import Any


class Rest:
    """The product's REST, read with a session's token."""

    def __init__(self, port: int, token: str) -> None:
        self._base, self._token = f"http://127.0.0.1:{port}", token

    async def get(self, path: str) -> str:
        """The answer's text; raises ``urllib.error.HTTPError``."""
        return await asyncio.to_thread(self._get, path)

    def _get(self, path: str) -> str:
        request = urllib.request.Request(self._base + path, headers={"Authorization": f"Bearer {self._token}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return str(answer.read().decode())

    async def interactions(self) -> list[dict[str, Any]]:
        """All of the log."""
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = json.loads(await self.get(f"/api/interactions?limit=200{cursor}"))
            found += page["items"]
            if not page["next"]:
                return found
            cursor = f"&cursor={page['next']}"

    async def metric(self, name: str) -> float:
        """One number of ``/metrics``."""
        for line in (await self.get("/metrics")).splitlines():
            if line.startswith(f"callweave_{name} "):
                return float(line.split()[1])
        raise KeyError(name)
