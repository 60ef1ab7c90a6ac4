"""The demo's articles, call script, canned replies and campaign, in both languages."""

from __future__ import annotations

from typing import Final

from interaction_log.canned import CannedReply
from interaction_log.knowledge import Draft, Step, Text, Way
from interaction_log.records import Campaign
from interaction_log.store import Store

_BY: Final = "sofia"

ARTICLES: Final = (
    Draft(
        kind="article",
        texts={
            "en": Text(
                title="Returning an order",
                body="Within **14 days** of delivery, in the original packing.\n\n"
                "1. Ask for the order number and look it up in the timeline.\n"
                "2. Open a case *Return* and send the label by mail.\n"
                "3. Money is given back 5 working days after the goods arrive.",
            ),
            "zh-CN": Text(
                title="退货流程",
                body="收货后 **14 天**内，商品须保持原包装。\n\n"
                "1. 询问订单号，并在客户时间线中核对。\n"
                "2. 新建“退货”工单，并通过邮件发送退货标签。\n"
                "3. 商品入库后 5 个工作日内退款。",
            ),
        },
    ),
    Draft(
        kind="article",
        texts={
            "en": Text(
                title="Opening hours and delivery times",
                body="Support: Monday to Saturday, 9:00 to 20:00.\n\n"
                "Standard delivery takes 2 to 4 working days, express arrives the next day when ordered before 15:00.",
            ),
            "zh-CN": Text(
                title="服务时间与配送时效",
                body="客服：周一至周六 9:00–20:00。\n\n标准配送 2 至 4 个工作日；15:00 前下单的加急件次日送达。",
            ),
        },
    ),
)

SCRIPT: Final = Draft(
    kind="script",
    texts={"en": Text(title="Welcome"), "zh-CN": Text(title="欢迎话术")},
    queues=["support"],
    position=50,
    steps=[
        Step(
            id="hello",
            texts={
                "en": Text(title="Greeting", body="Thank you for calling Callweave. How may I help you?"),
                "zh-CN": Text(title="问候", body="您好，感谢致电，请问有什么可以帮您？"),
            },
            next=[
                Way(labels={"en": "Order", "zh-CN": "订单"}, to="order"),
                Way(labels={"en": "Complaint", "zh-CN": "投诉"}, to="sorry"),
            ],
        ),
        Step(
            id="order",
            texts={
                "en": Text(
                    title="Order", body="May I have your order number, and the mail address that it was made with?"
                ),
                "zh-CN": Text(title="订单", body="请提供您的订单号，以及下单时使用的邮箱。"),
            },
            fields=["notes"],
        ),
        Step(
            id="sorry",
            texts={
                "en": Text(
                    title="Complaint", body="I am sorry to hear that. Let me open a case, so that nothing gets lost."
                ),
                "zh-CN": Text(title="投诉", body="非常抱歉给您带来不便，我马上为您登记工单跟进处理。"),
            },
        ),
    ],
)

REPLIES: Final = (
    CannedReply(
        id="demo-hello",
        shortcut="hello",
        texts={
            "en": "Hello {customer.name}, this is {agent.name}. How can I help you?",
            "zh-CN": "{customer.name}您好，我是{agent.name}，请问有什么可以帮您？",
        },
    ),
    CannedReply(
        id="demo-moment",
        shortcut="moment",
        texts={"en": "One moment please, I am looking that up.", "zh-CN": "请稍等，我帮您查询一下。"},
    ),
    CannedReply(
        id="demo-bye",
        shortcut="bye",
        texts={
            "en": "Thank you for writing to us. Have a good day!",
            "zh-CN": "感谢您的咨询，祝您生活愉快！",
        },
    ),
)

CAMPAIGN: Final = Campaign(code="spring", labels={"en": "Spring offer", "zh-CN": "春季优惠"}, caller_id="+862150001002")


async def seed_knowledge(store: Store) -> None:
    """Write and publish them."""
    for draft in (*ARTICLES, SCRIPT):
        written = await store.knowledge.write(None, draft, _BY)
        await store.knowledge.publish(written.id, written.newest, _BY)
    for reply in REPLIES:
        await store.canned.create(reply)
    await store.catalogue.put_campaign(CAMPAIGN)
