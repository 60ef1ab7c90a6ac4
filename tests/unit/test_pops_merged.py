"""A call that was written to a record keeps it when the record is merged; the pop shows the person."""

from __future__ import annotations

from interaction_log import events as e
from interaction_log.interaction import Interaction
from routing import commands as c
from routing.pops import Pops

HEAD = {"id": "head", "name": "Head"}


def call(customer_id: str | None) -> Interaction:
    return Interaction("i1", customer_id=customer_id)


def found(*also: str) -> e.CallerFound:
    return e.CallerFound(at=1.0, interaction_id="i1", strength="known", customer=HEAD, also=list(also))


def test_the_head_is_shown_for_a_call_of_a_merged_record() -> None:
    pops = Pops()
    pops.restore("anna", "i1")
    (shown,) = pops.found(call("merged"), found("merged", "other"), 2.0)
    assert isinstance(shown, c.UpdatePop) and shown.match.customer == HEAD
    assert pops.match("i1") is not None


def test_somebody_else_is_not_shown() -> None:
    pops = Pops()
    pops.restore("anna", "i1")
    assert pops.found(call("chosen"), found("merged"), 2.0) == []


def test_a_new_call_is_written_to_the_head() -> None:
    (written,) = Pops().found(call(None), found("merged"), 2.0)
    assert isinstance(written, c.Record)
    assert written.event == e.CustomerIdentified(at=2.0, interaction_id="i1", customer_id="head", agent=None)
