"""What the process in front and the gateway say to each other: one JSON object a line, on a unix socket. Pure.

Front to gateway: ``{"hello": {"pid": …, "child": true}}`` once, then questions. Gateway to front: answers (by ``id``),
and ``{"stop": true}`` to one that a gateway started, at its orderly end.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from cti_gateway.agi.codec import Environment, set_variables

MAX_LINE: Final = 65_536
QUEUE: Final = re.compile(r"[A-Za-z0-9_.-]{1,80}", re.ASCII)
"""What the name of a queue or PBX may be: the same as in the configuration."""
_UNIQUE: Final = re.compile(r"[A-Za-z0-9_.-]{1,120}", re.ASCII)

_WORD: Final = re.compile(r"[A-Za-z0-9_-]{1,40}", re.ASCII)

Kind = Literal["route", "callback", "survey"]
Variables = list[tuple[str, str]]
_LATER: Final = frozenset({"presentation", "verified", "attested", "survey", "score"})  # a front of before has them not
PATHS: Final[dict[str, Kind]] = {"route": "route", "callback": "callback", "survey": "survey"}


class LineError(ValueError):
    """A line that is none of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the dialplan asks. ``until``: seconds of the machine's monotonic clock after which nobody listens.

    ``presentation``: Asterisk's ``callingpres``; ``verified``, ``attested``: what ``STIR_SHAKEN()`` says, where the
    dialplan hands it in. See ``interaction_log.evidence``. ``survey``, ``score``: of a caller who was asked how it was:
    the kind of the question and the keys that were pressed.
    """

    id: int
    kind: Kind
    pbx: str
    queue: str
    dialled: str
    number: str
    name: str
    unique_id: str
    until: float
    presentation: str = ""
    verified: str = ""
    attested: str = ""
    survey: str = ""
    score: str = ""


def question_of(asked: Environment, number: int, until: float) -> Question | None:
    """The question of an environment; ``None`` for a path that we do not know."""
    kind = PATHS.get(asked.path)
    if kind is None:
        return None
    query = asked.query
    return Question(
        id=number,
        kind=kind,
        pbx=_fitting(query.get("pbx", ""), QUEUE),
        queue=_fitting(query.get("queue", ""), QUEUE),
        dialled=asked.get("extension")[:80],
        number=asked.get("callerid")[:80],
        name=asked.get("calleridname")[:80],
        unique_id=_fitting(asked.get("uniqueid"), _UNIQUE),
        until=until,
        presentation=_fitting(asked.get("callingpres"), _WORD),
        verified=_fitting(query.get("verified", ""), _WORD),
        attested=_fitting(query.get("attested", ""), _WORD),
        survey=_fitting(query.get("kind", ""), _WORD),
        score=_fitting(query.get("score", ""), _WORD),
    )


def _fitting(text: str, pattern: re.Pattern[str]) -> str:
    return text if pattern.fullmatch(text) else ""


def default_answer(asked: Environment) -> Variables:
    """What a caller gets when the gateway does not answer: the queue that the dialplan itself named."""
    queue = _fitting(asked.query.get("queue", ""), QUEUE)
    told = [("CALLWEAVE_RESULT", "default")]
    if asked.path == "callback":
        told.append(("CALLWEAVE_CALLBACK", "unavailable"))
    if asked.path == "survey":
        told.append(("CALLWEAVE_SURVEY", "unavailable"))
    return [*told, ("CALLWEAVE_QUEUE", queue)] if queue else told


def commands(variables: Sequence[tuple[str, str]]) -> list[bytes]:
    """The AGI commands that set them."""
    return set_variables(variables)


def encode(value: Question | dict[str, Any]) -> bytes:
    """One line."""
    data = asdict(value) if isinstance(value, Question) else value
    return json.dumps(data, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """The object of a line; raises :class:`LineError`."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        raise LineError("is no JSON") from None
    if not isinstance(found, dict):
        raise LineError("is no object")
    return found


def question_from(data: dict[str, Any]) -> Question:
    """The question of a line's object; raises :class:`LineError`."""
    try:
        given = {name: data[name] for name in Question.__slots__ if name not in _LATER or name in data}
        one = Question(**given)
    except (KeyError, TypeError):
        raise LineError("is no question") from None
    texts = [one.pbx, one.queue, one.dialled, one.number, one.name, one.unique_id]
    texts += [one.presentation, one.verified, one.attested, one.survey, one.score]
    if type(one.id) is not int or one.kind not in PATHS.values() or not isinstance(one.until, (int, float)):
        raise LineError("is no question")
    if not all(isinstance(text, str) for text in texts):
        raise LineError("is no question")
    return one


def variables_from(data: dict[str, Any]) -> Variables:
    """The variables of an answer's object; raises :class:`LineError`."""
    found = data.get("set")
    if not isinstance(found, list) or len(found) > 32:
        raise LineError("is no answer")
    pairs = [(one[0], one[1]) for one in found if isinstance(one, list) and len(one) == 2]
    if len(pairs) != len(found) or not all(isinstance(text, str) for pair in pairs for text in pair):
        raise LineError("is no answer")
    return pairs
