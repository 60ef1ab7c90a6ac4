"""A letter that is HTML only, as text: nothing of it is shown as HTML anywhere. Pure."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final

_SILENT: Final = frozenset({"script", "style", "head", "title", "template", "noscript", "svg"})
_VOID: Final = frozenset({"br", "hr", "img", "input", "meta", "link", "area", "base", "col", "embed", "source", "wbr"})
_BLOCKS: Final = frozenset(
    {"address", "article", "blockquote", "dd", "div", "dl", "dt", "fieldset", "footer", "form", "h1", "h2", "h3", "h4"}
    | {"h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section", "table", "tr", "ul"}
)
_DEEPEST: Final = 200
"""So deep quotes are nested at most."""
_MANY: Final = re.compile(r"\n{3,}")


class _Reader(HTMLParser):
    """Collects lines; quoted ones begin with ``> ``."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = []
        self._line = ""
        self._silent = 0
        self._quoted = 0
        self._href: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        if tag in _SILENT:
            self._silent += 1
        elif tag == "br":
            self._end()
        elif tag in _BLOCKS:
            self._block()
        if tag == "blockquote" and self._quoted < _DEEPEST:
            self._quoted += 1
        elif tag == "li":
            self._line += "- "
        elif tag == "a":
            self._href = next((value for name, value in attrs if name == "href"), None)
        elif tag in ("td", "th") and self._line and not self._line.endswith(" "):
            self._line += " "

    def handle_endtag(self, tag: str) -> None:
        """An element ends."""
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag == "a" and self._href is not None:
            self._tell_address(self._href)
            self._href = None
        elif tag in _BLOCKS and tag not in _VOID:
            self._block()
            if tag == "blockquote":
                self._quoted = max(0, self._quoted - 1)

    def handle_data(self, data: str) -> None:
        """Text."""
        if self._silent:
            return
        text = re.sub(r"[ \t\r\n\f]+", " ", data)
        self._line += text.lstrip() if not self._line or self._line.endswith(" ") else text

    def _tell_address(self, href: str) -> None:
        if href.startswith(("http://", "https://")) and href.rstrip("/") not in self._line:
            self._line += f" ({href})"

    def _end(self) -> None:
        self.lines.append("> " * self._quoted + self._line.strip())
        self._line = ""

    def _block(self) -> None:
        if self._line.strip():
            self._end()
        else:
            self._line = ""

    def all(self) -> str:
        """Everything that was read."""
        self._block()
        return _MANY.sub("\n\n", "\n".join(self.lines)).strip()


def text_of_html(html: str) -> str:
    """What a reader of it sees, with quotes marked by ``> ``. Broken HTML gives what can be read of it."""
    reader = _Reader()
    try:
        reader.feed(html)
        reader.close()
    except (AssertionError, ValueError, RecursionError):  # HTMLParser's on some broken declarations
        pass
    return reader.all()
