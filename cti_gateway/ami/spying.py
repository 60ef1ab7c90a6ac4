"""ChanSpy as an action: a supervisor's phone is rung, and hears an agent's channel when it is lifted.

Asterisk wants ``write=originate`` for it and nothing more: of applications only those that can reach a shell need
``system`` (``manager.c``, ``action_originate``; measured with 22.10 and 16.28). Options: ``q`` no beep, ``E`` ends with
the channel that is heard, ``u`` the name is a whole one (``PJSIP/1001`` alone would match each of that phone's calls),
``w`` the agent hears the supervisor, ``B`` both sides do. The channel must be the *agent's*: on the customer's, it is
the customer who hears a whisper.
"""

from __future__ import annotations

from typing import Final, Literal

from cti_gateway.ami.actions import Action, ActionError, caller_id, check_channel, check_endpoint

Mode = Literal["listen", "whisper", "barge"]
OPTIONS: Final[dict[Mode, str]] = {"listen": "quE", "whisper": "quEw", "barge": "quEB"}


def spied(data: str) -> tuple[str, Mode] | None:
    """Whom a running ChanSpy of ours hears, and how, by its arguments; None for one that somebody else began."""
    channel, comma, options = data.partition(",")
    mode = next((mode for mode, ours in OPTIONS.items() if ours == options), None)
    return (channel, mode) if comma and mode is not None else None


def spy(endpoint: str, channel: str, mode: Mode, *, timeout: float, name: str) -> Action:
    """Ring ``endpoint`` for ``timeout`` seconds with ``name`` as the caller's; lifted, it hears ``channel``."""
    if not 0 < timeout <= 3600:
        raise ActionError("Timeout", "is not between 0 and 3600 seconds")
    return Action(
        "Originate",
        (
            ("Channel", check_endpoint(endpoint, "Channel")),
            ("Application", "ChanSpy"),
            ("Data", f"{check_channel(channel, 'Data')},{OPTIONS[mode]}"),
            ("Timeout", str(round(timeout * 1000))),
            ("CallerID", caller_id(name, "")),
            ("Async", "true"),
        ),
    )
