"""The demo's fields, segments, consents, relations, tasks and cases, in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from interaction_log.records import CustomField, FieldChoice
from interaction_log.store import Store

_DAY: Final = 86_400.0
_HOUR: Final = 3_600.0

FIELDS: Final = (
    CustomField(code="contract", labels={"en": "Contract", "zh-CN": "合同编号"}, type="text"),
    CustomField(
        code="level",
        labels={"en": "Service level", "zh-CN": "服务等级"},
        type="choice",
        choices=[
            FieldChoice(code="gold", labels={"en": "Gold", "zh-CN": "金牌"}),
            FieldChoice(code="silver", labels={"en": "Silver", "zh-CN": "银牌"}),
            FieldChoice(code="basic", labels={"en": "Basic", "zh-CN": "标准"}),
        ],
        position=1,
    ),
    CustomField(code="orders", labels={"en": "Orders a year", "zh-CN": "年订单数"}, type="number", position=2),
    CustomField(code="renewal", labels={"en": "Renewal", "zh-CN": "续约日期"}, type="date", position=3),
    CustomField(
        code="newsletter", labels={"en": "Newsletter", "zh-CN": "订阅简报"}, type="flag", of="person", position=4
    ),
)

_RECORDS: Final[Mapping[str, dict[str, Any]]] = {
    "王小明": {
        "agent": "anna",
        "channel": "voice",
        "value": 186_000,
        "fields": {"contract": "JH-2024-017", "level": "gold", "orders": 14, "renewal": "2027-01-31"},
    },
    "Emily Carter": {
        "agent": "ben",
        "channel": "email",
        "value": 4_200,
        "fields": {"level": "basic", "newsletter": True},
    },
    "James Miller": {
        "channel": "email",
        "value": 61_500,
        "fields": {"contract": "PS-88", "level": "gold", "orders": 6, "renewal": "2026-12-15"},
    },
    "Lukas Weber": {"value": 23_000, "fields": {"level": "silver", "orders": 9}},
    "周敏": {"agent": "anna", "value": 9_800, "fields": {"level": "silver", "newsletter": True}},
    "赵丽华": {"channel": "voice", "fields": {"level": "basic"}},
}

# name, kind of relation, whose
_RELATIONS: Final = (
    ("陈思远", "works_for", "华东物流"),
    ("刘雨桐", "works_for", "华东物流"),
    ("Oliver Smith", "family", "Amelia Jones"),
    ("李静", "assists", "王小明"),
)

# whose, type, subject, text, owner, how long ago, further states
_CASES: Final = (
    (
        "王小明",
        "complaint",
        "部分货物包装破损",
        "20 箱中有 3 箱外包装破损，客户要求补发。",
        "anna",
        1.2,
        ("in_progress",),
    ),
    ("王小明", "order", "追加订购 50 件", "与合同 JH-2024-017 同价。", "ben", 0.3, ()),
    ("Emily Carter", "service_request", "Delivery date for Leeds", "Wants a morning slot.", "ben", 2.1, ("waiting",)),
    ("James Miller", "service_request", "Calibration certificate for sensor B", None, None, 0.9, ()),
    ("赵丽华", "complaint", "送货延迟三天", "已申请补偿券，等待财务确认。", "anna", 6.0, ("in_progress", "closed")),
    ("Lukas Weber", "return", "Wrong flange size", "Five pieces, unopened.", "anna", 1.6, ("in_progress",)),
)

# whose, what, owner, due in hours
_TASKS: Final = (
    ("王小明", "确认补发货物的运单号", "anna", 2.5),
    ("Emily Carter", "Call back with the delivery date", "anna", 20.0),
    ("James Miller", "Send the calibration certificate", "ben", 4.0),
    ("周敏", "续约前回访", "anna", 70.0),
    ("Lukas Weber", "Ask whether the new flange fits", "ben", -1.0),
)

# whose, purpose, channel, what, how, how many days ago
_CONSENTS: Final = (
    ("王小明", "marketing", "voice", "given", "call", 41.0),
    ("王小明", "marketing", "email", "refused", "call", 41.0),
    ("王小明", "survey", "any", "given", "call", 9.0),
    ("Emily Carter", "marketing", "any", "given", "form", 120.0),
    ("Emily Carter", "marketing", "voice", "withdrawn", "mail", 3.0),
    ("James Miller", "service", "email", "given", "call", 15.0),
)

_SEGMENTS: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    (
        "VIP 60 天未联系 · VIP quiet for 60 days",
        {
            "match": "all",
            "parts": [{"field": "vip", "is": "yes"}, {"field": "last_contact", "is": "older", "value": 60}],
        },
    ),
    (
        "金牌客户 · Gold customers",
        {"match": "all", "parts": [{"field": "fields.level", "is": "one_of", "value": ["gold"]}]},
    ),
    (
        "有未结工单 · With open cases",
        {"match": "all", "parts": [{"field": "open_cases", "is": "at_least", "value": 1}]},
    ),
)


async def seed_records(store: Store, ids: Mapping[str, tuple[str, str]], now: float) -> None:
    """Fill in what a site keeps beside. ``ids``: (id, number) by the customer's name; the users must be there."""
    of = {name: found[0] for name, found in ids.items()}
    for field in FIELDS:
        await store.records.fields.put(field)
    for name, fields in _RECORDS.items():
        await store.customers.update(of[name], fields)
    await _contacts(store, of, now)
    await _work(store, of, now)
    for name, raw in _SEGMENTS:
        segment = await store.records.segments.create(name, raw, "admin", now)
        if raw["parts"][-1]["field"] == "last_contact":
            rule = {"title": "VIP 回访 · Get in touch", "segment_id": segment.id, "owner": "anna", "at_minute": 9 * 60}
            await store.records.tasks.create_rule({**rule, "zone": "Asia/Shanghai", "most": 20}, now)


async def _contacts(store: Store, of: dict[str, str], now: float) -> None:
    for purpose in _CONSENTS:
        name, code, channel, state, source, days = purpose
        said = {"purpose": code, "channel": channel, "state": state, "source": source}
        await store.records.consents.say(of[name], said, "anna", now - days * _DAY)
    firm = await store.customers.create(
        {"name": "华东物流", "kind": "organisation", "phones": ["+862150880000"], "language": "zh-CN", "value": 320_000}
    )
    ends = {**of, firm.name: firm.id}
    for one, kind, other in _RELATIONS:
        await store.records.relations.add(ends[one], kind, ends[other], "anna", now - 30 * _DAY)


async def _work(store: Store, of: dict[str, str], now: float) -> None:
    for name, kind, title, text, owner, days, states in _CASES:
        at = now - days * _DAY
        given = {"type": kind, "title": title, "text": text, "owner": owner, "customer_id": of[name]}
        case = await store.records.cases.create(given, owner or "anna", at)
        for n, state in enumerate(states, 1):
            await store.records.cases.change(case["id"], {"state": state}, owner or "anna", at + n * _HOUR)
    for name, title, owner, hours in _TASKS:
        task: dict[str, Any] = {"title": title, "owner": owner, "customer_id": of[name]}
        due = {"due_at": now + hours * _HOUR, "zone": "Asia/Shanghai"}
        await store.records.tasks.create(task | due, owner, now - _DAY)
