"""Who listens to which kind of event: one table, so that an event costs those who hear it and nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from interaction_log import events as e


class Listeners:
    """Functions by the exact class of the events that they take, told in the order in which they were added."""

    def __init__(self) -> None:
        self._table: dict[type[e.Event], list[Callable[[Any], None]]] = {}

    def add(self, listener: Callable[[Any], None], kinds: Iterable[type[e.Event]]) -> None:
        """``listener`` takes events of these kinds."""
        for kind in kinds:
            self._table.setdefault(kind, []).append(listener)

    def tell(self, event: e.Event) -> None:
        """Hand an event to all who listen to its kind."""
        for listener in self._table.get(type(event), ()):
            listener(event)
