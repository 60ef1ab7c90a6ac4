"""`cti doctor`: can we reach what the PBX writes into files, recordings and messages?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from cti_gateway.diagnosis import Finding
from cti_gateway.settings_types import CommandSettings


def findings(settings: CommandSettings) -> list[Finding]:
    """One for each folder that the configuration names."""
    return [*_recordings(settings), *_messages(settings)]


def _recordings(settings: CommandSettings) -> Iterator[Finding]:
    if settings.recording is None:
        return
    for folder in dict.fromkeys(str(settings.recording.folder).format(pbx=pbx.name) for pbx in settings.pbx):
        yield _look("recordings", "[recording] folder", Path(folder), writable=True)


def _messages(settings: CommandSettings) -> Iterator[Finding]:
    if settings.voicemail is None:
        return
    folders = [settings.voicemail.folder_of(pbx.name) for pbx in settings.pbx]
    for folder in dict.fromkeys(one for one in folders if one is not None):
        yield _look("voicemail", "[voicemail] folder", folder, writable=False)


def _look(code: str, key: str, folder: Path, *, writable: bool) -> Finding:
    """``writable``: we delete there what is old enough."""
    if not folder.is_dir():
        advice = "Mount the PBX's folder there, or correct the path."
        return Finding("error", f"{code}-folder", f"{key}: there is no folder {folder.name} at its place.", advice)
    if not os.access(folder, os.R_OK | os.X_OK):
        text = f"{key}: we may not read it: nothing of it can be heard."
        return Finding("error", f"{code}-folder", text, "Make our user a member of the group that owns it.")
    if writable and not os.access(folder, os.W_OK):
        text = f"{key}: we may read it and not delete there: files stay when their time is over."
        return Finding("warning", f"{code}-folder", text, "Give our user's group the right to write.")
    return Finding("ok", f"{code}-folder", f"{key}: {'readable and writable' if writable else 'readable'}.")
