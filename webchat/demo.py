"""A shop with the widget on its pages, to try the chat: mounted by the demo only (``cti run --demo``)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from starlette.responses import Response
from starlette.staticfiles import StaticFiles

FOLDER: Final = Path(__file__).parent / "widget" / "demo"
POLICY: Final = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
"""As strict as a site's own can be: what the widget needs is `script-src` and `connect-src` of its server."""


class DemoShop(StaticFiles):
    """The pages below ``/chat/demo``, under a strict Content-Security-Policy."""

    def __init__(self) -> None:
        super().__init__(directory=FOLDER, html=True)

    async def get_response(self, path: str, scope: Any) -> Response:
        """See ``StaticFiles``."""
        response = await super().get_response(path, scope)
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Cache-Control"] = "no-cache"
        return response
