"""The rules of identity: one answer for every evidence, and what weakens it never makes it stronger."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interaction_log import evidence as ev
from interaction_log.records import Match

RANK = {"never": 0, "maybe": 1, "known": 2}

evidences = st.builds(
    ev.Evidence,
    kind=st.sampled_from(get_args(ev.Kind)),
    value=st.just("+8613800138000"),
    source=st.sampled_from(get_args(ev.Source)),
    presentation=st.sampled_from([None, *get_args(ev.Presentation)]),
    authority=st.sampled_from([None, *get_args(ev.Authority)]),
    attestation=st.sampled_from([None, *get_args(ev.Attestation)]),
    authenticated=st.sampled_from([None, True, False]),
    exact=st.booleans(),
    shared=st.booleans(),
)
policies = st.builds(ev.Policy, unattested=st.sampled_from(["known", "maybe"]))


def strength(evidence: ev.Evidence, policy: ev.Policy) -> int:
    return RANK[ev.judge(evidence, policy).strength]


@given(evidences, policies)
def test_every_evidence_has_one_verdict_of_the_table(evidence: ev.Evidence, policy: ev.Policy) -> None:
    verdict = ev.judge(evidence, policy)
    assert verdict.rule in {rule.name for rule in ev.RULES}
    assert verdict.strength in RANK


@given(evidences, policies)
def test_what_weakens_never_strengthens(evidence: ev.Evidence, policy: ev.Policy) -> None:
    was = strength(evidence, policy)
    for worse in (
        {"shared": True},
        {"exact": False},
        {"presentation": "restricted"},
        {"attestation": "failed"},
        {"authority": "user_failed"},
        {"authenticated": False},
        {"source": "typed"},
    ):
        assert strength(replace(evidence, **worse), policy) <= was, worse


@given(evidences, policies)
def test_what_is_shared_withheld_forged_or_typed_identifies_nobody(evidence: ev.Evidence, policy: ev.Policy) -> None:
    assert strength(replace(evidence, shared=True), policy) < RANK["known"]
    assert strength(replace(evidence, source="typed"), policy) == RANK["never"]
    call = replace(evidence, kind="phone")
    assert strength(replace(call, presentation="restricted"), policy) == RANK["never"]
    assert strength(replace(call, attestation="failed"), policy) == RANK["never"]


@given(evidences, policies)
def test_the_order_of_the_rules_is_what_the_verdict_follows(evidence: ev.Evidence, policy: ev.Policy) -> None:
    fitting = [rule.name for rule in ev.RULES if rule.fits(evidence)]
    assert ev.judge(evidence, policy).rule == fitting[0]


ONE = {"id": "a", "name": "A"}
matches = st.sampled_from(
    [
        Match(strength="known", customer=ONE),
        Match(strength="maybe", customer=ONE),
        Match(strength="candidates", candidates=[ONE, {"id": "b", "name": "B"}]),
        Match(strength="unknown"),
    ]
)


@given(matches, evidences, policies)
def test_a_match_is_no_stronger_than_its_evidence(match: Match, evidence: ev.Evidence, policy: ev.Policy) -> None:
    verdict = ev.judge(evidence, policy)
    found = ev.bounded(match, verdict)
    if verdict.strength == "never":
        assert found == Match(strength="unknown")
    elif verdict.strength == "maybe":
        assert found.strength != "known" and found.customer == match.customer
    else:
        assert found == match


@given(st.lists(st.sampled_from("abcdef"), unique=True), st.lists(st.sampled_from("abcdefgh"), unique=True))
def test_whom_an_agent_chose_before_is_first(people: list[str], chosen: list[str]) -> None:
    found = [one["id"] for one in ev.ranked([{"id": of} for of in people], chosen)]
    before = [of for of in chosen if of in people]
    assert found == before + [of for of in people if of not in before]


@pytest.mark.parametrize(
    ("verified", "level", "means"),
    [
        ("success", "A", "A"),
        ("success", "b", "B"),
        ("success", "", "C"),
        ("signature_validation", "A", "failed"),
        ("cid_orig_tn_mismatch", "A", "failed"),
        ("missing_identity_hdr", "", None),
        ("cert_retrieval_failure", "A", None),
        ("", "A", None),
        (None, None, None),
    ],
)
def test_what_asterisk_says_of_a_signature(verified: str | None, level: str | None, means: str | None) -> None:
    assert ev.attestation(verified, level) == means


@pytest.mark.parametrize(
    ("octet", "means"),
    [
        ("0", ("allowed", "user_unscreened")),
        ("1", ("allowed", "user_passed")),
        ("3", ("allowed", "network")),
        ("35", ("restricted", "network")),
        ("67", ("unavailable", "network")),
        ("2", ("allowed", "user_failed")),
        ("", (None, None)),
        ("999", (None, None)),
        ("x", (None, None)),
        (None, (None, None)),
    ],
)
def test_what_asterisk_says_of_a_presentation(octet: str | None, means: tuple[str | None, str | None]) -> None:
    assert ev.calling_presentation(octet) == means
