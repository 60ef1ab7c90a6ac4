"""What stands between the agents' browsers and their telephones, in plain words. Pure: facts in, findings out.

Each trap was met (docs/browser-phone.md). `cti doctor` collects the facts where a PBX has a ``websocket_url``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from cti_gateway.diagnosis import Finding

SOON_DAYS: Final = 21
FEW_SESSIONS: Final = 200
CODECS: Final = frozenset({"opus", "ulaw", "alaw", "all"})
"""What every browser speaks (RFC 7874) and Asterisk has without further modules, and Opus."""
YES: Final = frozenset({"yes", "true", "on", "1", "y", "t"})
HTTPS_ADVICE: Final = (
    "Give [http] certificate and key, or put a proxy with a certificate in front and set public_url to its https "
    "address (docs/browser-phone.md)."
)


@dataclass(frozen=True, kw_only=True)
class CertificateFacts:
    """The console's certificate. ``days_left`` is negative when it has expired; ``names``: the hosts it is for."""

    error: str = ""
    days_left: float = 0.0
    names: Sequence[str] = ()
    self_signed: bool = False


@dataclass(frozen=True, kw_only=True)
class PageFacts:
    """How browsers reach the console. ``local``: it listens on this computer only."""

    local: bool
    public_url: str | None = None
    public_host: str = ""
    certificate: CertificateFacts | None = None


Answer = Literal["ok", "unreachable", "status", "no_sip"]


@dataclass(frozen=True, kw_only=True)
class WebSocketFacts:
    """What the PBX's WebSocket answered to a handshake for SIP."""

    url: str
    answer: Answer
    detail: str = ""
    local: bool = True
    encrypted: bool = False


Section = Mapping[str, str]
"""The last value by key."""


@dataclass(frozen=True, kw_only=True)
class SiteFacts:
    """What the PBX's own files say, where they were given. Empty: not said."""

    http: Section = field(default_factory=dict)
    rtp: Section = field(default_factory=dict)
    order: str = ""
    """``endpoint_identifier_order``."""
    endpoints: Mapping[str, Section] = field(default_factory=dict)
    codecs: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """What each endpoint allows."""
    matches: Sequence[str] = ()
    """The addresses of all ``identify`` objects."""


@dataclass(frozen=True, kw_only=True)
class BrowserFacts:
    """One PBX with telephones in the browser. ``wanted``: the endpoints that agents have."""

    pbx: str
    websocket: WebSocketFacts
    wanted: Sequence[str] = ()
    site: SiteFacts | None = None


def diagnose_page(page: PageFacts) -> Iterator[Finding]:
    """Whether browsers give the microphone to our pages."""
    secure = page.certificate is not None or (page.public_url or "").startswith("https:")
    if page.certificate is not None:
        yield from _certificate(page.certificate, page.public_host)
    if secure:
        yield Finding("ok", "page-secure", "The console is an https page: browsers let it use the microphone.")
    elif page.local and page.public_url is None:
        yield Finding(
            "hint",
            "page-local",
            "Browsers on other computers would get no microphone: the console has no https.",
            HTTPS_ADVICE,
        )
    else:
        yield Finding(
            "error", "page-insecure", "Browsers give no microphone to this console: it is no https page.", HTTPS_ADVICE
        )


def _certificate(facts: CertificateFacts, host: str) -> Iterator[Finding]:
    if facts.error:
        yield Finding("error", "certificate", f"The console's certificate cannot be used: {facts.error}.")
        return
    if facts.days_left < 0:
        yield Finding(
            "error", "certificate-expired", f"The console's certificate expired {-facts.days_left:.0f} days ago."
        )
    elif facts.days_left < SOON_DAYS:
        yield Finding(
            "warning", "certificate-soon", f"The console's certificate expires in {facts.days_left:.0f} days."
        )
    if facts.self_signed:
        yield Finding(
            "warning",
            "certificate-self-signed",
            "The console's certificate is signed by itself.",
            "Each browser must be told to trust it; until then it shows a warning and telephones do not register.",
        )
    if host and facts.names and not any(_fits(host, name) for name in facts.names):
        names = ", ".join(facts.names)
        yield Finding("error", "certificate-name", f"The certificate is for {names}, the console is {host}.")


def _fits(host: str, name: str) -> bool:
    """RFC 6125 6.4.3: a star stands for the first label."""
    return host == name or (name.startswith("*.") and host.partition(".")[2] == name[2:])


def diagnose_telephones(facts: BrowserFacts) -> Iterator[Finding]:
    """The PBX's side."""
    yield from _websocket(facts)
    if facts.site is None:
        yield Finding(
            "hint",
            "browser-files",
            f"{facts.pbx}: endpoints and audio of the browser telephones were not looked at.",
            "Say --asterisk-conf FOLDER (of http.conf, rtp.conf, pjsip.conf) to have them looked at too.",
        )
        return
    yield from _http(facts.pbx, facts.site)
    yield from _identify(facts)
    for name in facts.wanted:
        yield from _endpoint(facts.pbx, name, facts.site)


def _websocket(facts: BrowserFacts) -> Iterator[Finding]:
    pbx, ws = facts.pbx, facts.websocket
    if ws.answer == "ok":
        yield Finding("ok", "websocket", f"{pbx}: {ws.url} speaks SIP over WebSocket.")
        if not (ws.local or ws.encrypted):
            text = f"{pbx}: calls and registrations go to {ws.url} unencrypted."
            yield Finding("warning", "websocket-plain", text, "Use wss:// over a network that is not yours alone.")
        return
    text, advice = {
        "unreachable": (
            f"{pbx}: nothing answers at {ws.url}: {ws.detail}.",
            "http.conf needs enabled=yes, a bindaddr that we reach and this bindport; then 'core restart' or "
            "'module reload http'.",
        ),
        "status": (
            f"{pbx}: {ws.url} answers, but not as a WebSocket: {ws.detail}.",
            "The path is /ws (behind prefix= of http.conf), and the module res_http_websocket must be loaded.",
        ),
        "no_sip": (
            f"{pbx}: {ws.url} is a WebSocket that does not speak SIP: {ws.detail}.",
            "Load res_pjsip_transport_websocket; chan_sip must not have taken the WebSocket (websocket_enabled=no).",
        ),
    }[ws.answer]
    yield Finding("error", f"websocket-{ws.answer.replace('_', '-')}", text, advice)


def _http(pbx: str, site: SiteFacts) -> Iterator[Finding]:
    if site.http.get("enabled", "no").lower() not in YES:
        yield Finding("error", "http-disabled", f"{pbx}: http.conf has no enabled=yes.")
    if site.http.get("bindaddr", "") in ("0.0.0.0", "::", "[::]"):  # noqa: S104
        yield Finding(
            "warning",
            "http-open",
            f"{pbx}: Asterisk's HTTP server listens on every address.",
            "Only Callweave must reach it: bindaddr=127.0.0.1, or an address of your own network.",
        )
    limit = site.http.get("sessionlimit", "100")
    if limit.isdigit() and int(limit) < FEW_SESSIONS:
        text = f"{pbx}: http.conf allows {limit} sessions; each open browser telephone holds one."
        yield Finding("hint", "http-sessions", text, "sessionlimit = 1000")
    if site.rtp.get("icesupport", "yes").lower() not in YES:
        text = f"{pbx}: rtp.conf has icesupport switched off: browser telephones stay silent."
        yield Finding("error", "rtp-ice", text, "icesupport = yes")


def _identify(facts: BrowserFacts) -> Iterator[Finding]:
    assert facts.site is not None
    ours = [one for one in facts.site.matches if one.split("/")[0] in ("127.0.0.1", "localhost", "::1")]
    if facts.websocket.local and ours and not facts.site.order.startswith(("username", "auth_username")):
        yield Finding(
            "error",
            "identify-swallows",
            f"{facts.pbx}: an identify object matches {ours[0]}, from where the browsers' registrations come too.",
            "Match another address, or set [global] endpoint_identifier_order=username,ip,anonymous and restart.",
        )


def _endpoint(pbx: str, name: str, site: SiteFacts) -> Iterator[Finding]:
    found = site.endpoints.get(name)
    if found is None:
        yield Finding("error", "endpoint-missing", f"{pbx}: pjsip.conf has no endpoint {name}, which an agent has.")
        return
    wrong = list(_wrong(name, found, site.codecs.get(name, frozenset())))
    for severity, code, text, advice in wrong:
        yield Finding(severity, code, f"{pbx}: {text}", advice)
    if not wrong:
        yield Finding("ok", "endpoint", f"{pbx}: endpoint {name} is set for a browser.")


def _wrong(
    name: str, found: Section, codecs: frozenset[str]
) -> Iterator[tuple[Literal["error", "warning"], str, str, str]]:
    webrtc = found.get("webrtc", "no").lower() in YES
    if not webrtc and found.get("media_encryption", "") != "dtls":
        yield "error", "endpoint-webrtc", f"endpoint {name} is none for browsers.", "webrtc = yes"
    own = found.get("dtls_cert_file") or found.get("dtls_auto_generate_cert", "no").lower() in YES
    if not own:
        text = f"endpoint {name} has no certificate for the audio."
        yield "error", "endpoint-dtls", text, "dtls_auto_generate_cert = yes"
    if not codecs & CODECS:
        text = f"endpoint {name} allows no codec that browsers speak."
        yield "error", "endpoint-codecs", text, "allow = opus,ulaw"
    if found.get("rtp_timeout", "0") == "0":
        text = f"endpoint {name} keeps the call of a browser that died."
        yield "warning", "endpoint-rtp-timeout", text, "rtp_timeout = 5 and rtp_timeout_hold = 60"
