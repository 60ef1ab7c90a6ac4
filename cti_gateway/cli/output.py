"""What commands print: results on standard output, complaints on standard error."""

from __future__ import annotations

import json
import sys
from typing import Any


def say(text: str) -> None:
    """A result, for people."""
    print(text)


def say_json(value: Any) -> None:
    """A result, for scripts."""
    print(json.dumps(value, ensure_ascii=False, indent=1))


def complain(command: str, text: str) -> None:
    """What went wrong."""
    print(f"cti {command}: {text}", file=sys.stderr)
