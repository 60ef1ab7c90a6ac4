"""What the REST modules share: pages, times, changed fields, and who may call."""

from typing import Any

from pydantic import BaseModel

from agent_console import rfc3339
from agent_console.models import MAX_PAGE
from agent_console.problems import Problem


def capped(limit: int) -> int:
    """The page size that is given for the one that was asked."""
    return min(limit, MAX_PAGE)


def moment(field: str, text: str | None) -> float | None:
    """The Unix seconds of a query parameter; 400 that names it."""
    if text is None:
        return None
    try:
        return rfc3339.seconds(text)
    except ValueError as error:
        raise Problem(400, "The request is not valid.", [(field, str(error))]) from None


def given(body: BaseModel) -> dict[str, Any]:
    """The fields that the request had; 400 if there was none."""
    fields = body.model_dump(exclude_unset=True)
    if not fields:
        raise Problem(400, "Nothing is to be changed.", [("body", "has no field")])
    return fields
