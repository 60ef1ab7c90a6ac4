"""Messages in Asterisk's voicemail folder: ``CONTEXT/MAILBOX/INBOX/msg0000.txt`` says what ``msg0000.wav`` is.

Asterisk renumbers messages when one is deleted and moves them when somebody listened, so that a name is a hint only;
``msg_id`` stays. Everything is read through ``agent_console.files``: no name leads out of the folder.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent_console.files import NotThere, open_within

INBOX: Final = "INBOX"
_FOLDERS: Final = (INBOX, "Urgent", "Old", "Work", "Family", "Friends")
"""Where ``VoiceMailMain`` puts messages (``app_voicemail.c``, ``mailbox_folders``)."""
_SUFFIXES: Final = (".wav", ".ogg", ".WAV", ".gsm")
"""The first one that is there is played; what browsers play stands first."""
_MAILBOX: Final = re.compile(r"[A-Za-z0-9_+*#-][A-Za-z0-9_.+*#-]{0,79}@[A-Za-z0-9_-][A-Za-z0-9_.-]{0,79}")
_LARGEST_TEXT: Final = 16_384
CLOCK_SECONDS: Final = 5.0
"""How far the clock of the PBX's host may be behind its own event times (``origtime`` has whole seconds)."""


@dataclass(frozen=True, slots=True)
class Filed:
    """A message that was found. ``name``: below the voicemail folder, without suffix; ``seconds``: as Asterisk says.

    ``caller``: name and number as the caller gave them; ``at``: when it began (whole Unix seconds).
    """

    name: str
    pbx_id: str | None
    seconds: float | None
    channel: str
    at: float
    caller: str = ""

    @property
    def mailbox(self) -> str:
        """Whose it is: ``500@default``."""
        context, box, *_ = self.name.split("/")
        return f"{box}@{context}"

    @property
    def number(self) -> str:
        """The caller's number as it was given."""
        return self.caller.rpartition("<")[2].rpartition(">")[0] if "<" in self.caller else self.caller


def find(folder: Path, mailbox: str, channel: str, since: float) -> Filed | None:
    """The newest message that this channel left in the mailbox since then (Unix seconds). Blocks."""
    place = _place(mailbox)
    if place is None:
        return None
    for name in _texts(folder, place, INBOX):
        one = _read(folder, name)
        if one is not None and one.channel == channel and one.at >= since - CLOCK_SECONDS:
            return one
    return None


def left_between(folder: Path, since: float, until: float) -> list[Filed]:
    """The messages that nobody has listened to yet and that were left in this time, the oldest first. Blocks."""
    found = []
    for context in _folders(folder):
        for box in _folders(folder / context):
            if _place(f"{box}@{context}") is not None:
                every = (_read(folder, name) for name in _texts(folder, f"{context}/{box}", INBOX))
                found += [one for one in every if one is not None and since <= one.at <= until]
    return sorted(found, key=lambda one: one.at)


def _folders(folder: Path) -> list[str]:
    try:
        return [one.name for one in os.scandir(folder) if one.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def audio(folder: Path, mailbox: str, hint: str, pbx_id: str | None) -> str | None:
    """The name of the sound file of a message, wherever in its mailbox it is now; ``None``: it is gone. Blocks."""
    place = _place(mailbox)
    if place is None or not hint.startswith(f"{place}/"):
        return None
    if _is(folder, hint, pbx_id):
        return _sound(folder, hint)
    for part in _FOLDERS:
        for name in _texts(folder, place, part):
            if pbx_id is not None and _is(folder, name, pbx_id):
                return _sound(folder, name)
    return None


def _place(mailbox: str) -> str | None:
    """``500@default`` is ``default/500`` on the disk; ``None`` for what cannot be a mailbox."""
    if _MAILBOX.fullmatch(mailbox) is None:
        return None
    box, _, context = mailbox.partition("@")
    return f"{context}/{box}"


def _texts(folder: Path, place: str, part: str) -> Iterator[str]:
    """The messages of one part of a mailbox, the newest number first."""
    try:
        names = sorted((one for one in os.listdir(folder / place / part) if one.endswith(".txt")), reverse=True)
    except OSError:
        return
    for name in names:
        yield f"{place}/{part}/{name.removesuffix('.txt')}"


def _is(folder: Path, name: str, pbx_id: str | None) -> bool:
    one = _read(folder, name)
    return one is not None and one.pbx_id == pbx_id


def _sound(folder: Path, name: str) -> str | None:
    for suffix in _SUFFIXES:
        try:
            open_within(folder, name + suffix).close()
        except NotThere:
            continue
        return name + suffix
    return None


def _read(folder: Path, name: str) -> Filed | None:
    try:
        with open_within(folder, f"{name}.txt") as file:
            text = file.read(_LARGEST_TEXT).decode("utf-8", "replace")
    except OSError:  # moved or deleted meanwhile
        return None
    return parse(name, text)


def parse(name: str, text: str) -> Filed | None:
    """What the text beside a message says. ``None``: it is no such text.

    A caller's name can hold a line break. So of two equal keys that counts which is on Asterisk's side of the name: the
    first channel (it stands before), the last of all others (they stand behind).
    """
    pairs = [(key.strip(), value.strip()) for key, _, value in (line.partition("=") for line in text.splitlines())]
    said = dict(pairs)
    channel = next((value for key, value in pairs if key == "callerchan"), "")
    at = said.get("origtime", "")
    if not at.isascii() or not at.isdigit() or not channel:
        return None
    length = said.get("duration", "")
    seconds = float(length) if length.isascii() and length.isdigit() and len(length) < 8 else None
    return Filed(name, said.get("msg_id") or None, seconds, channel, float(at[:12]), said.get("callerid", ""))
