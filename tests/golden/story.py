"""A golden trace: what a real Asterisk sent, and what the telephones say happened (never the tracker)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cti_gateway.calls import PbxProfile

HERE = Path(__file__).parent
_NOT_FIELDS = {"customer_number", "transfers_completed", "only_in_full", "promised"}


@dataclass(frozen=True)
class Story:
    name: str

    @cached_property
    def expectation(self) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads((HERE / f"{self.name}.json").read_text(encoding="utf-8"))
        return loaded

    @property
    def configured(self) -> PbxProfile:
        e = self.expectation
        return PbxProfile(
            name="lab",
            devices=tuple(e["devices"]),
            trunks=tuple(e["trunks"]),
            outbound_prefix=e["outbound_prefix"],
            default_region=e["default_region"],
        )

    @property
    def unconfigured(self) -> PbxProfile:
        return PbxProfile(name="lab", outbound_prefix=self.expectation["outbound_prefix"])

    @property
    def variants(self) -> dict[str, list[bytes]]:
        """The segments of each recording of the same calls: main, full (every event), least (call and agent only)."""
        found: dict[str, list[bytes]] = {}
        for file in self.expectation["files"]:
            kind = next((k for k in ("full", "least") if f".{k}." in file), "main")
            found.setdefault(kind, []).append((HERE / file).read_bytes())
        return found

    def differences(self, got: list[dict[str, Any]], kind: str) -> list[str]:
        """Where the objects are not as the telephones had it, in words."""
        wanted = self.expectation["interactions"]
        found = [] if len(wanted) == len(got) else [f"{len(got)} interactions instead of {len(wanted)}"]
        for index, (want, have) in enumerate(zip(wanted, got, strict=False)):
            skipped = set(want.get("only_in_full", ())) if kind != "full" else set()
            for key in want.keys() - _NOT_FIELDS - skipped:
                found += _compare(f"{index}.{key}", want[key], have[key], self.expectation["tolerance_seconds"])
            if "transfers_completed" in want:
                done = sum(t["completed"] for t in have["transfers"])
                found += _compare(f"{index}.transfers_completed", want["transfers_completed"], done, 0)
        return found


def _compare(path: str, want: Any, have: Any, tolerance: float) -> list[str]:
    if isinstance(want, dict):
        return [d for k in want for d in _compare(f"{path}.{k}", want[k], have[k], tolerance)]
    if isinstance(want, list):
        if len(want) != len(have):
            return [f"{path}: {want} expected, {have} found"]
        return [
            d
            for i, (w, h) in enumerate(zip(want, have, strict=True))
            for d in _compare(f"{path}[{i}]", w, h, tolerance)
        ]
    number = isinstance(want, (int, float)) and not isinstance(want, bool) and isinstance(have, (int, float))
    same = abs(want - have) <= tolerance if number else want == have
    return [] if same else [f"{path}: {want!r} expected, {have!r} found"]


STORIES = [Story(path.stem) for path in sorted(HERE.glob("*.json"))]
