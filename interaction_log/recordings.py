"""Recordings of an interaction: what its events add up to, gaps included. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from interaction_log import events as e


@dataclass(slots=True)
class Gap:
    """A stretch in which silence was written. ``until``: when it was to end by itself (Unix seconds)."""

    reason: e.PauseCause
    start: float | None
    end: float | None = None
    open: bool = True
    until: float | None = None
    by: str | None = None
    automatic: bool = False
    """It ended by itself."""

    @property
    def seconds(self) -> float:
        """Length, 0 while open or without times."""
        return max(0.0, self.end - self.start) if self.start is not None and self.end is not None else 0.0


@dataclass(slots=True)
class Recording:
    """One file. ``file``: its name as the PBX gives it, empty while unknown; ``by``: who started and stopped it."""

    id: str
    unique_id: str
    device: str
    start: float | None
    file: str = ""
    by: str | None = None
    consent: e.Consent | None = None
    end: float | None = None
    open: bool = True
    stopped_by: str | None = None
    gaps: list[Gap] = field(default_factory=list)
    deleted_at: float | None = None

    @property
    def gap(self) -> Gap | None:
        """The pause that lasts now."""
        return self.gaps[-1] if self.gaps and self.gaps[-1].open else None

    @property
    def paused_seconds(self) -> float:
        """Sum of the gaps."""
        return sum(gap.seconds for gap in self.gaps)

    def pause(self, event: e.RecordingPaused) -> None:
        """Begin a gap; told twice, the second may know more."""
        if self.gap is None:
            self.gaps.append(Gap(event.reason, event.at, until=event.resume_at, by=event.by))

    def resume(self, at: float | None, automatic: bool = False) -> None:
        """End the gap."""
        if self.gap is not None:
            self.gaps[-1].automatic = automatic
            self.gaps[-1].end, self.gaps[-1].open = at, False

    def stop(self, at: float | None, by: str | None = None) -> None:
        """The file is finished, and with it a gap that lasted."""
        if self.open:
            self.resume(at)
            self.open, self.end, self.stopped_by = False, at, by

    def public(self) -> dict[str, Any]:
        """The object of DESIGN 6.1 and ``wire.RecordingView``. Of the file only its last name: no paths of servers."""
        return {
            "id": self.id,
            "file": PurePosixPath(self.file).name,
            "state": "ended" if not self.open else "paused" if self.gap is not None else "on",
            "from": self.start,
            "to": self.end,
            "device": self.device,
            "by": self.by,
            "stopped_by": self.stopped_by,
            "consent": self.consent,
            "paused_seconds": round(self.paused_seconds, 3),
            "gaps": [
                {"from": g.start, "to": g.end, "reason": g.reason, "until": g.until, "automatic": g.automatic}
                for g in self.gaps
            ],
            "deleted_at": self.deleted_at,
        }


def started(recordings: list[Recording], event: e.RecordingStarted) -> None:
    """One more, once."""
    if all(one.id != event.recording_id for one in recordings):
        made = Recording(event.recording_id, event.unique_id, event.device, event.at, event.file, event.by)
        made.consent = event.consent
        recordings.append(made)


def changed(recordings: list[Recording], event: e.InteractionEvent) -> None:
    """What an event does to the recording that it names."""
    one = next((r for r in recordings if r.id == getattr(event, "recording_id", None)), None)
    if one is None:
        return
    if isinstance(event, e.RecordingNamed):
        one.file, one.consent = event.file, event.consent or one.consent
    elif isinstance(event, e.RecordingPaused):
        one.pause(event)
    elif isinstance(event, e.RecordingResumed):
        one.resume(event.at, event.automatic)
    elif isinstance(event, e.RecordingStopped):
        one.stop(event.at, event.by)
    elif isinstance(event, e.RecordingDeleted):
        one.deleted_at = event.at


def running_on(recordings: list[Recording], unique_id: str) -> list[Recording]:
    """Those that are written from this channel now, the youngest first."""
    return [one for one in reversed(recordings) if one.open and one.unique_id == unique_id]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingFile:
    """One recording as it stands in the store, for those who look for its file. Times in Unix seconds."""

    id: str
    interaction_id: str
    pbx: str
    queue: str | None
    started_at: float | None
    ended_at: float | None
    running: bool
    file: str
    """As the PBX names it; empty: nobody knows it."""
    deleted_at: float | None


def name_beneath(file: str, folder: str) -> str | None:
    """The part of a PBX's file name beneath that folder of the PBX; ``None``: it is not beneath it."""
    try:
        name = PurePosixPath(file).relative_to(PurePosixPath(folder))
    except ValueError:
        return None
    return str(name) if name.parts and ".." not in name.parts else None
