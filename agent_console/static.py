"""The browser app: hashed assets for ever, everything else afresh, unknown paths to the app itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

NOT_BUILT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Callweave</title>
<h1>The browser app is not built</h1>
<p>The server runs, but its pages are missing. Build them with <code>make setup</code> and load this page again.</p>
</html>
"""
FOR_EVER = "public, max-age=31536000, immutable"


class BrowserApp(StaticFiles):
    """Serves ``dist``. A path without a file gives ``index.html``, for the app's own router."""

    def __init__(self, dist: Path):
        super().__init__(directory=dist, check_dir=False)
        self._dist = dist

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        if (self._dist / "index.html").is_file():
            await super().__call__(scope, receive, send)
            return
        page = HTMLResponse(NOT_BUILT, 503, {"Cache-Control": "no-store"})
        await page(scope, receive, send)

    async def get_response(self, path: str, scope: Any) -> Response:
        """See ``StaticFiles``."""
        try:
            response = await super().get_response("index.html" if path == "." else path, scope)
        except HTTPException as error:
            if error.status_code != 404 or not _is_page(path):
                raise
            response = await super().get_response("index.html", scope)
        hashed = path.startswith("assets/")
        response.headers["Cache-Control"] = FOR_EVER if hashed else "no-cache"
        return response


def _is_page(path: str) -> bool:
    """Whether a browser may ask for this as a page of the app (no file name extension, no API)."""
    first, _, _ = path.partition("/")
    return first not in ("assets", "api", "socket.io") and "." not in path.rpartition("/")[2]
