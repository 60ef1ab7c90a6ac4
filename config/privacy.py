"""``[privacy]``: the master key; ``[[retention]]``: how long what is kept stays."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict


class Privacy(BaseModel):
    """``key_file``: the site's master key (``cti privacy key`` makes one), not readable by others, outside the
    database and its backups. Left out: ``master.key`` in the journal's folder, made at the first start."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    key_file: Path | None = None
    given: bool = Field(default=False, exclude=True, init=False)
    """Whether the configuration names the file: then it must be there."""

    def absolute(self, base: Path, otherwise: Path) -> Privacy:
        """The same with the whole path. ``otherwise``: where it is when none is named."""
        named = self.key_file is not None
        path = base / self.key_file if self.key_file is not None else otherwise
        return self.model_copy(update={"key_file": path, "given": named})


class Retention(BaseModel):
    """So many days after its end, ``what`` of contacts of this channel and queue (left out: any) is deleted.

    ``notes`` are emptied, ``interactions`` go with all that hangs on them. The first rule that fits counts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    what: Literal["events", "interactions", "notes", "recordings", "voicemails", "missed", "callbacks", "chats"]
    days: Annotated[int, Strict(), Field(ge=1, le=36_500)]
    channel: Literal["voice", "chat", "email"] | None = None
    queue: Annotated[str, Field(min_length=1, max_length=80)] | None = None
