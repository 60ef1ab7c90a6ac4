"""The demo's own PBX, simulated in this process over real TCP, and its shop."""

from __future__ import annotations

from typing import Any, Final

from pydantic import SecretStr

from config.settings import Pbx, Queue
from config.sites import Consent, FormField, Invitation, Site
from cti_gateway.gateway import Gateway
from cti_gateway.simulator.parts import Queue as SimulatedQueue
from cti_gateway.simulator.server import SECRET, USERNAME, Simulator, SimulatorServer, demo_queues
from cti_gateway.simulator.traffic import DemoTraffic
from interaction_log import demo

SHOP: Final = "demo"
"""The key of the demo's site."""


async def simulated_site(gateway: Gateway) -> dict[str, Any]:
    """Start it; returns the settings ``pbx``, ``queue`` and ``site``."""
    pbx = _pbx_at(await _simulate(gateway))
    queue = Queue(name=demo.QUEUE, pbx=demo.PBX, label="Support")
    return {"pbx": (pbx,), "queue": (queue,), "site": (shop(demo.QUEUE),)}


async def _simulate(gateway: Gateway) -> int:
    """A PBX with calls; returns its port."""
    simulator = Simulator(queues=[*demo_queues(), SimulatedQueue(demo.SALES, "801", [])])
    traffic = DemoTraffic(simulator, demo.DEMO_CALLERS)
    simulator.answers.customer = traffic.customer
    server = SimulatorServer(simulator)
    port = await server.start()
    gateway.extras.append(server)
    traffic.start()
    return port


def _pbx_at(port: int) -> Pbx:
    return Pbx(
        name=demo.PBX,
        port=port,
        username=USERNAME,
        secret=SecretStr(SECRET),
        devices=("PJSIP/10??",),
        trunks=("PJSIP/pstn",),
        outbound_prefix="9",
        queue_extensions={demo.QUEUE: "800", demo.SALES: "801"},
        system_username=USERNAME,
        system_secret=SecretStr(SECRET),
    )


def shop(queue: str) -> Site:
    """The one of ``/chat/demo/``."""
    name = FormField(code="name", label={"en": "Your name", "zh-CN": "您的姓名"})
    text = {
        "en": "What you write is kept for 90 days, so that we can help you.",
        "zh-CN": "为了向您提供帮助，您所写的内容将保存 90 天。",
    }
    consent = Consent(version="1", text=text)
    invitation = Invitation(
        path="/chat/demo*/checkout.html",
        after=15,
        text={
            "en": "Is anything unclear about your order? We are here.",
            "zh-CN": "订单有什么疑问吗？我们随时为您解答。",
        },
    )
    return Site(
        key=SHOP, queues=(queue,), form=(name,), consent=consent, callback=True, trail=True, cobrowse=True,
        invitation=(invitation,),
    )  # fmt: skip
