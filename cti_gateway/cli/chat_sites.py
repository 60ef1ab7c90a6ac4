"""What `cti doctor` says of web sites with our chat: origins, keys, the folder of files, the scanner, the widget."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cti_gateway.chat_setup import site_of
from cti_gateway.diagnosis import Finding
from interaction_log.store.chat_folder import ChatFolder
from webchat.deps import WIDGET

LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


def findings(settings: Any, widget: Path = WIDGET) -> list[Finding]:
    """Nothing where no site is configured."""
    if not getattr(settings, "site", ()):
        return []
    found = [finding for table in settings.site for finding in _site(table)]
    found += _shared(settings)
    if not (widget / "widget.js").is_file():
        found.append(Finding("error", "chat-widget", "The chat's widget is not built.", "Run make setup."))
    return found


def _site(table: Any) -> Iterator[Finding]:
    code = f"site-{table.key}"
    try:
        site = site_of(table)
    except ValueError as error:
        yield Finding("error", f"{code}-key", f"{error}.", "See docs/chat.md for keys.")
        return
    if not table.origins:
        yield Finding(
            "warning", f"{code}-origins", f"Site {table.key} names no origins: only our own pages may use it.",
            'Add origins = ["https://…"] to its [[site]].',
        )  # fmt: skip
    for origin in table.origins:
        parts = urlsplit(origin)
        if parts.scheme == "http" and parts.hostname not in LOCAL:
            yield Finding(
                "warning", f"{code}-http", f"Site {table.key}: {origin} is not https; chats can be read on the way."
            )
    keys = ", ".join(f"{key.kid} ({key.alg})" for key in site.keys) or "none: its visitors are anonymous"
    yield Finding("ok", code, f"Site {table.key}: {len(table.origins)} origins, keys {keys}.")


def _shared(settings: Any) -> Iterator[Finding]:
    files = any(table.files for table in settings.site)
    fault = ChatFolder(settings.chat.folder).fault(make=False) if files else None
    if fault is not None:
        yield Finding("error", "chat-folder", f"[chat] folder {settings.chat.folder}: {fault}.")
    scanner = settings.chat.scanner
    if files and not scanner:
        yield Finding(
            "hint", "chat-scanner", "Files of chats are not scanned.", "Set [chat] scanner; see docs/chat.md."
        )
    if scanner and shutil.which(scanner[0]) is None:
        yield Finding(
            "error", "chat-scanner", f"The scanner of files, {scanner[0]}, is not there: no file is taken.",
            "Install it, or correct [chat] scanner.",
        )  # fmt: skip
    if settings.http.public_url is not None and not settings.http.trusted_proxies:
        yield Finding(
            "warning", "chat-proxy", "public_url says that a proxy stands in front, and none is trusted: all visitors "
            "would have one address, and share its limits.", "Name it in [http] trusted_proxies.",
        )  # fmt: skip
