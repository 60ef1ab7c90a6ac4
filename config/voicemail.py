"""``[voicemail]``: where Asterisk keeps the messages, and who works them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

_MAILBOX: Final = r"^[A-Za-z0-9_.+*#?\[\]-]{1,80}(@[A-Za-z0-9_.*?\[\]-]{1,80})?$"


class Voicemail(BaseModel):
    """``folder``: Asterisk's (``/var/spool/asterisk/voicemail``), readable for us; ``folders``: one for each PBX."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    folder: Path | None = None
    folders: dict[str, Path] = {}
    mailboxes: tuple[Annotated[str, Field(pattern=_MAILBOX)], ...] = ("*",)
    """Whose messages people may hear here, as globs: leave out the personal ones."""
    queues: dict[Annotated[str, Field(pattern=_MAILBOX)], Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,80}$")]] = {}
    """Who works the messages of a mailbox whose caller was in no queue: ``"500@default" = "support"``."""

    def folder_of(self, pbx: str) -> Path | None:
        """Where the messages of this PBX are."""
        return self.folders.get(pbx, self.folder)

    def absolute(self, base: Path) -> Voicemail:
        """The same with relative paths counted from ``base``."""
        folder = base / self.folder if self.folder is not None else None
        return self.model_copy(
            update={"folder": folder, "folders": {name: base / path for name, path in self.folders.items()}}
        )
