"""Where recordings are and who may hear them: what ``rest_recordings`` is built from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, Protocol

from interaction_log.recordings import RecordingFile, name_beneath
from routing.ports import Audit, Recordings

AUDIO: Final = frozenset(
    {".wav", ".WAV", ".wav49", ".gsm", ".ogg", ".mp3", ".ulaw", ".alaw", ".sln", ".sln16", ".g722"}
)
"""What MixMonitor writes; nothing else that lies in the folder is ever sent."""


@dataclass(frozen=True, slots=True)
class RecordingPlaces:
    """``folder``: where the files are here; ``pbx_folder``: what the PBX calls it. Both may hold ``{pbx}``."""

    folder: str
    pbx_folder: str

    def find(self, one: RecordingFile) -> tuple[Path, str] | None:
        """The folder and the name beneath it; ``None``: the PBX did not write it there, or it is no audio."""
        name = name_beneath(one.file, self.pbx_folder.format(pbx=one.pbx))
        if name is None or PurePosixPath(name).suffix not in AUDIO:
            return None
        return Path(self.folder.format(pbx=one.pbx)), name


@dataclass(frozen=True, slots=True)
class RecordingAccess:
    """The store, the folders, the trail; ``agents_may_listen``: to the recordings of their own calls."""

    stored: Recordings
    audit: Audit
    places: RecordingPlaces
    agents_may_listen: bool = False
    keys: RecordingKeys | None = None
    """Of sealed files."""


class RecordingKeys(Protocol):
    """The keys of sealed recordings."""

    async def key(self, recording_id: str) -> bytes | None:
        """``None``: there is none, or it was destroyed."""
        ...
