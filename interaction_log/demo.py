"""The demo's people: customers with a history, agents, and who is going to call. Never used by an installation.

Numbers are from ranges kept for fiction where a country has such (Ofcom's 020 7946 0xxx, the NANP's 555-01xx,
ARCEP's 01 99 00); the Chinese ones are made up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from interaction_log import events as e
from interaction_log.demo_knowledge import seed_knowledge
from interaction_log.demo_records import seed_records
from interaction_log.identity import interaction_id
from interaction_log.records import QueueSettings, User
from interaction_log.rights import Team
from interaction_log.store import EventLog, Store

PASSWORD: Final = "demo"  # noqa: S105 (everybody knows it; only the demo makes accounts with it)
PBX: Final = "sim"
QUEUE: Final = "support"
SALES: Final = "sales"
"""A queue in which nobody is at first: Anna joins it, and leaves it, at her desk."""

USERS: Final = (
    User(name="anna", display_name="Anna Berg", role="agent", devices=["PJSIP/1001"], language="en"),
    User(name="ben", display_name="Ben Okafor", role="agent", devices=["PJSIP/1002"], language="en"),
    User(name="sofia", display_name="Sofia Lindqvist", role="supervisor", language="en"),
    User(name="admin", display_name="Administrator", role="admin", language="en"),
)

TEAMS: Final = (
    Team(code="service", label="Service · 客服组", members=("anna", "ben", "sofia"), queues=(QUEUE,)),
    Team(code="sales", label="Sales · 销售组", members=("anna", "sofia"), queues=(SALES,)),
)

DEMO_CALLERS: Final[list[tuple[str, str]]] = [
    ("+8613800138000", "王小明"),  # a known customer, VIP, with a history: the first who calls
    ("+442079460018", "Emily Carter"),  # a known customer with an English name
    ("+862150888888", "Huadong Logistics"),  # a company's number that two customers share
    ("+8613712345678", ""),  # nobody we know
    ("+12025550147", "James Miller"),  # another country
    ("anonymous", ""),  # a withheld number
    ("+8613911112222", "李静"),
    ("+33199001234", "Claire Dubois"),
]
"""Numbers as the simulated network presents them, with the names that it shows, in the order of their calls."""

# name, phones, e-mail, organisation, language, VIP, notes
_PEOPLE: Final[tuple[tuple[str, str, str, str, str, bool, str], ...]] = (
    ("王小明", "+8613800138000;+861050881234", "wxm@example.com", "京华贸易", "zh-CN", True, "合同客户，上午联系。"),
    ("Emily Carter", "+442079460018", "emily.carter@example.org", "Carter & Sons", "en", False, "Invoices by e-mail."),
    ("陈思远", "+862150888888", "chen.sy@example.com", "华东物流", "zh-CN", False, "仓储部门联系人。"),
    ("刘雨桐", "+862150888888;+8613601020304", "liu.yt@example.com", "华东物流", "zh-CN", False, "财务部门联系人。"),
    ("James Miller", "+12025550147", "j.miller@example.net", "Potomac Sensors", "en", True, "Service: gold."),
    ("李静", "+8613911112222", "lijing@example.com", "", "zh-CN", False, ""),
    ("Claire Dubois", "+33199001234", "claire.dubois@example.fr", "Atelier Dubois", "fr", False, "Speaks English."),
    ("张伟", "+8613522223333", "zhangwei@example.com", "恒信科技", "zh-CN", False, ""),
    ("赵丽华", "+8613633334444", "zhao.lh@example.com", "", "zh-CN", False, "曾投诉送货延迟，已补偿。"),
    ("孙志强", "+8613744445555", "", "强盛建材", "zh-CN", False, ""),
    ("周敏", "+8613855556666", "zhoumin@example.com", "", "zh-CN", True, ""),
    ("吴国栋", "+8613966667777", "wu.gd@example.com", "国栋机械", "zh-CN", False, ""),
    ("郑晓燕", "+8615011112222", "", "", "zh-CN", False, ""),
    ("冯宇航", "+8615122223333", "feng.yh@example.com", "远航旅行社", "zh-CN", False, ""),
    ("黄嘉欣", "+8615233334444;+85221231234", "wong.ky@example.hk", "嘉欣珠宝", "zh-HK", False, ""),
    ("徐浩然", "+8615755556666", "xuhr@example.com", "", "zh-CN", False, ""),
    ("朱婷婷", "+8615866667777", "", "", "zh-CN", False, ""),
    ("马俊杰", "+8618611112222", "ma.jj@example.com", "俊杰电子", "zh-CN", False, ""),
    ("胡雪梅", "+8618722223333", "", "", "zh-CN", False, ""),
    ("林志远", "+8618833334444", "lin.zy@example.com", "", "zh-CN", False, ""),
    ("何佳琪", "+8618944445555", "he.jq@example.com", "佳琪花店", "zh-CN", False, ""),
    ("高建国", "+8675583765566", "gao.jg@example.com", "深圳高科", "zh-CN", True, "总机号码，转采购部。"),
    ("Oliver Smith", "+442079460101", "oliver.smith@example.org", "", "en", False, ""),
    ("Amelia Jones", "+442079460102", "amelia.jones@example.org", "Jones Interiors", "en", False, ""),
    ("George Williams", "+442079460103", "", "", "en", False, ""),
    ("Isla Brown", "+442079460104", "isla.brown@example.org", "", "en", False, ""),
    ("Harry Taylor", "+442079460105", "harry.taylor@example.org", "Taylor Tools", "en", False, ""),
    ("Sophia Davis", "+12025550111", "sophia.davis@example.net", "", "en", False, ""),
    ("Liam Wilson", "+12025550112", "", "Wilson Farms", "en", False, ""),
    ("Mia Anderson", "+12025550113", "mia.anderson@example.net", "", "en", False, ""),
    ("Noah Thomas", "+13125550186", "noah.thomas@example.net", "Lakeside Dental", "en", False, ""),
    ("Emma Jackson", "+13125550187", "", "", "en", False, ""),
    ("Lukas Weber", "+4930901820", "lukas.weber@example.de", "Weber Maschinenbau", "de", False, ""),
    ("Tan Wei Ling", "+6561234567", "tan.wl@example.sg", "Lion City Foods", "en", False, ""),
    ("Grace Lim", "+6561234568", "", "", "en", False, ""),
    ("Jack Thompson", "+61255501234", "jack.t@example.au", "", "en", False, ""),
    ("佐藤 健", "+81312345678", "sato.k@example.jp", "佐藤商店", "ja", False, ""),
    ("Camille Martin", "+33199001299", "camille.martin@example.fr", "", "fr", False, ""),
    ("Zoë van Dijk", "+442079460199", "zoe@example.nl", "Van Dijk Bikes", "en", False, ""),
    ("欧阳明月", "+8613012345678", "ouyang.my@example.com", "", "zh-CN", False, ""),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Past:
    """A call of a customer ``days`` ago; ``talk`` seconds, 0: gave up waiting."""

    name: str
    days: float
    agent: str
    wait: float
    talk: float
    disposition: str | None
    notes: str | None


_HISTORY: Final = (
    _Past("王小明", 41.2, "anna", 12, 245, "information", "询问新一代产品价格，已发送报价单。"),
    _Past("王小明", 20.9, "ben", 8, 410, "order", "下单 200 件，要求月底前交货。"),
    _Past("王小明", 9.1, "anna", 95, 0, None, None),
    _Past("王小明", 9.09, "anna", 31, 380, "complaint", "部分货物包装破损，已登记并承诺补发。"),
    _Past("王小明", 2.3, "ben", 15, 120, "follow_up", "补发货物已寄出，客户希望确认运单号。"),
    _Past("Emily Carter", 30.4, "ben", 5, 190, "resolved", "Invoice address corrected."),
    _Past("Emily Carter", 3.6, "anna", 22, 305, "callback", "Asked about delivery to Leeds; call back with a date."),
    _Past("陈思远", 12.5, "anna", 18, 150, "information", "确认仓库收货时间。"),
    _Past("刘雨桐", 6.8, "ben", 9, 210, "resolved", "重开上月发票。"),
    _Past("James Miller", 15.7, "anna", 4, 530, "resolved", "Firmware 3.2 fixed the drift of sensor B."),
    _Past("James Miller", 1.4, "ben", 11, 95, "follow_up", "Wants the calibration certificate again."),
    _Past("李静", 5.2, "anna", 40, 160, "resolved", "修改收货地址。"),
    _Past("赵丽华", 8.3, "ben", 120, 420, "complaint", "送货延迟三天，已申请补偿券。"),
    _Past("周敏", 4.4, "anna", 7, 88, "information", None),
    _Past("Lukas Weber", 7.7, "ben", 14, 275, "order", "Spare parts, see mail."),
    _Past("Claire Dubois", 18.2, "anna", 26, 140, "information", "Opening hours in August."),
)


async def seed(store: Store, log: EventLog, *, now: float) -> bool:
    """Fill an empty installation with the demo; ``False`` if it was filled before. ``now``: Unix seconds."""
    if any(user.name == USERS[-1].name for user in await store.users.all()):
        return False
    ids = {name: await _customer(store, name, *rest) for name, *rest in _PEOPLE}
    for queue, label in ((QUEUE, "Support"), (SALES, "Sales")):
        await store.catalogue.put_queue(QueueSettings(name=queue, pbx=PBX, label=label, wrap_up_seconds=30))
    past_day = now - 60 * 86_400
    for user in USERS[:2]:  # so that the history knows who sat at which telephone
        log.append(
            e.Recorded(
                log.next_seq(),
                e.AgentSignedIn(at=past_day, agent=user.name, name=user.display_name, devices=list(user.devices)),
            )
        )
    last = 0
    for n, past in enumerate(sorted(_HISTORY, key=lambda one: -one.days)):
        for event in _call(n, past, ids[past.name], now - past.days * 86_400):
            last = log.next_seq()
            log.append(e.Recorded(last, event))
    await log.durable(last)
    for user in USERS[:-1]:
        await store.users.create_demo(user, PASSWORD)
    for team in TEAMS:
        await store.teams.put_team(team)
    await seed_records(store, ids, now)
    await seed_knowledge(store)
    await store.users.create_demo(USERS[-1], PASSWORD)  # last: she tells that everything before is there
    return True


async def _customer(store: Store, name: str, *rest: Any) -> tuple[str, str]:
    phones, mail, organisation, language, vip, notes = rest
    customer = await store.customers.create(
        {
            "name": name,
            "phones": phones.split(";"),
            "emails": [mail] if mail else [],
            "organisation": organisation,
            "language": language,
            "vip": vip,
            "notes": notes,
        }
    )
    return customer.id, customer.phones[0]


def _call(n: int, past: _Past, customer: tuple[str, str], at: float) -> Iterator[e.Event]:
    unique = f"{at:.0f}.{n}"
    of = interaction_id(PBX, "demo", unique)
    device = next(user.devices[0] for user in USERS if user.name == past.agent)
    yield e.InteractionStarted(
        at=at,
        interaction_id=of,
        pbx=PBX,
        channel="voice",
        direction="inbound",
        customer_address=customer[1],
        customer_name=past.name,
        dialled="800",
        unique_id=unique,
        linked_id=unique,
    )
    yield e.CustomerIdentified(at=at, interaction_id=of, customer_id=customer[0], agent=None)
    yield e.QueueEntered(at=at + 1, interaction_id=of, queue=QUEUE, position=1)
    rings = at + 1 + max(0.0, past.wait - 5)
    answered = at + 1 + past.wait
    yield e.InteractionOffered(
        at=rings, interaction_id=of, offer_id=f"{of}/1", device=device, source="queue", queue=QUEUE
    )
    yield from _answered(past, of, device, rings, answered) if past.talk else _gave_up(of, device, rings, answered)


def _answered(past: _Past, of: str, device: str, rings: float, at: float) -> Iterator[e.Event]:
    end = at + past.talk
    ring = at - rings
    yield e.OfferEnded(
        at=at, interaction_id=of, offer_id=f"{of}/1", device=device, result="answered", ring_seconds=ring
    )
    yield e.QueueLeft(at=at, interaction_id=of, queue=QUEUE, result="answered")
    yield e.AgentConnected(at=at, interaction_id=of, device=device)
    yield e.AgentDisconnected(at=end, interaction_id=of, device=device)
    yield e.InteractionEnded(at=end, interaction_id=of, outcome="answered", ended_by="customer")
    yield e.InteractionWrappedUp(
        at=end + 20, interaction_id=of, agent=past.agent, disposition=past.disposition, notes=past.notes
    )


def _gave_up(of: str, device: str, rings: float, at: float) -> Iterator[e.Event]:
    ring = at - rings
    yield e.OfferEnded(
        at=at, interaction_id=of, offer_id=f"{of}/1", device=device, result="cancelled", ring_seconds=ring
    )
    yield e.QueueLeft(at=at, interaction_id=of, queue=QUEUE, result="abandoned")
    yield e.InteractionEnded(at=at, interaction_id=of, outcome="abandoned", ended_by="customer")
