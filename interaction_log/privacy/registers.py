"""Every table's entry in the register of personal data, whoever made it."""

from __future__ import annotations

import importlib
import pkgutil

from interaction_log import store

_APART = frozenset({"imports_child"})
"""A program of its own."""


def load_all() -> None:
    """Import every module of the store, so that each topic has registered its tables. The same again costs nothing."""
    for one in pkgutil.iter_modules(store.__path__):
        if one.name not in _APART:
            importlib.import_module(f"{store.__name__}.{one.name}")
