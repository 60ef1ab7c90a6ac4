"""The ``[recording]`` section: where recordings are, how long they stay, and who may hear them."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict

Policy = Literal["always", "on_demand", "never"]
Announcement = Annotated[str, Field(pattern=r"^([A-Za-z0-9_][A-Za-z0-9_./-]{0,79})?$")]
"""A sound of the PBX as ``Playback`` takes it."""


def _only_pbx(text: str) -> str:
    try:
        names = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    except ValueError:
        raise ValueError("has a brace too many") from None
    if names - {"pbx"}:
        raise ValueError("knows no placeholder but {pbx}")
    return text


def _folder(path: Path) -> Path:
    _only_pbx(str(path))
    return path


class Recording(BaseModel):
    """``folder`` and ``pbx_folder`` may hold ``{pbx}``, the name of the PBX, where several write."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    folder: Annotated[Path, AfterValidator(_folder)]
    """Where we find the files."""
    pbx_folder: (
        Annotated[str, Field(pattern=r"^(/[A-Za-z0-9_{][A-Za-z0-9_.{}-]{0,99}){1,10}/?$"), AfterValidator(_only_pbx)]
        | None
    ) = None
    """What the PBX calls that folder; the same as ``folder`` when left out."""
    retention_days: Annotated[int, Strict(), Field(ge=1, le=36_500)] = 90
    """Files older than this are deleted."""
    encrypt: Annotated[bool, Strict()] = False
    """Whether files are sealed when their calls are over; the folder must be writable for us."""
    card_pause_seconds: Annotated[int, Strict(), Field(ge=10, le=1_800)] = 120
    """After so long a pause for card data ends by itself."""
    agents_may_listen: Annotated[bool, Strict()] = False
    """Whether agents may hear the recordings of their own calls."""
    direct: Policy = "on_demand"
    """The policy of calls that came through no queue: direct and outbound ones."""
