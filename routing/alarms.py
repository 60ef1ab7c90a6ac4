"""Alarms of queues: thresholds that raise and clear. Pure; time and figures are arguments.

A rule measures each queue and channel that it names by itself, or all of them together. It raises when its threshold
has been reached for ``raise_after`` seconds, and clears when the value has been back beyond ``clear_at`` for
``clear_after`` seconds, so that a value on the edge does not make an alarm come and go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from interaction_log.alarms import AlarmRule, Target
from routing.live import ChannelFigures, together
from routing.live_window import Key, percent


@dataclass(frozen=True, slots=True)
class Reading:
    """The figures of one queue and channel, and how many of its agents could take a contact now."""

    key: Key
    figures: ChannelFigures
    ready: int


@dataclass(frozen=True, slots=True)
class Raised:
    """An alarm began."""

    target: Target
    rule: AlarmRule
    value: float
    at: float


@dataclass(frozen=True, slots=True)
class Cleared:
    """An alarm ended: it was ``measured``, or its ``rule`` was changed or taken away."""

    target: Target
    at: float
    why: Literal["measured", "rule"]


Change = Raised | Cleared


@dataclass(slots=True)
class _Watch:
    """One target of one rule. ``since``: from when on the value has been on the other side."""

    raised: bool = False
    since: float | None = None
    value: float | None = None


@dataclass(slots=True)
class Alarms:
    """Which alarms are raised. Hand it rules when they change, and readings as often as they do."""

    rules: dict[str, AlarmRule] = field(default_factory=dict)
    _watched: dict[Target, _Watch] = field(default_factory=dict)

    def set_rules(self, rules: Iterable[AlarmRule], now: float) -> list[Change]:
        """These rules and no others; alarms of a rule that is another now are over."""
        before, self.rules = self.rules, {rule.id: rule for rule in rules if rule.enabled}
        stale = [target for target in self._watched if self.rules.get(target[0]) != before.get(target[0])]
        return [Cleared(target, now, "rule") for target in stale if self._watched.pop(target).raised]

    def restore(self, targets: Iterable[Target]) -> None:
        """Alarms that were raised before this process; those of rules that there are no more are left out."""
        for target in targets:
            if target[0] in self.rules:
                self._watched[target] = _Watch(raised=True)

    def raised(self) -> list[Target]:
        """All that are raised."""
        return [target for target, watch in self._watched.items() if watch.raised]

    def value(self, target: Target) -> float | None:
        """What was measured last."""
        watch = self._watched.get(target)
        return watch.value if watch is not None else None

    def look(self, readings: Sequence[Reading], now: float, minute: int) -> list[Change]:
        """Compare with these figures of all queues. ``minute``: of the site's day."""
        found: list[Change] = []
        seen: set[Target] = set()
        for rule in self.rules.values():
            for target, value in self._measured(rule, readings, now):
                seen.add(target)
                found += self._judge(rule, target, value, now, minute)
        for target in [one for one in self._watched if one not in seen]:  # the queue is gone
            if self._watched.pop(target).raised:
                found.append(Cleared(target, now, "measured"))
        return found

    def _measured(
        self, rule: AlarmRule, readings: Sequence[Reading], now: float
    ) -> Iterable[tuple[Target, float | None]]:
        mine = [one for one in readings if rule.concerns(one.key)]
        if not rule.combined:
            return [((rule.id, *one.key), measure(rule, one.figures, one.ready, now)) for one in mine]
        ready = sum({one.key[:2]: one.ready for one in mine}.values())
        figures = together(one.figures for one in mine)
        key = (rule.id, rule.pbx or "", rule.queue or "", rule.channel or "")
        return [(key, measure(rule, figures, ready, now) if mine else None)]

    def _judge(self, rule: AlarmRule, target: Target, value: float | None, now: float, minute: int) -> list[Change]:
        watch = self._watched.setdefault(target, _Watch())
        watch.value = value
        turns = rule.good(value) if watch.raised else rule.bad(value) and not rule.is_quiet(minute)
        if not turns:
            watch.since = None
            return []
        watch.since = now if watch.since is None else min(watch.since, now)
        if now - watch.since < (rule.clear_after if watch.raised else rule.raise_after):
            return []
        watch.raised, watch.since = not watch.raised, None
        if not watch.raised:
            return [Cleared(target, now, "measured")]
        assert value is not None  # what is bad has a value
        return [Raised(target, rule, value, now)]


def measure(rule: AlarmRule, figures: ChannelFigures, ready: int, now: float) -> float | None:
    """What the rule measures; ``None``: nothing that could be compared. ``now``: Unix seconds."""
    if rule.measure == "waiting":
        return float(figures.waiting)
    if rule.measure == "longest_wait":
        since = figures.longest_wait_since
        return max(0.0, now - since) if since is not None else 0.0
    if rule.measure == "nobody_ready":  # counted in waiting contacts, none of whom anybody can take
        return float(figures.waiting) if ready == 0 else None
    sums: Mapping[str, int] = getattr(figures, rule.window)
    counted = sums.get("offered", 0) - sums.get("abandoned_short", 0) - sums.get("waiting", 0)
    return percent(rule.measure, sums) if counted >= max(1, rule.least) else None
