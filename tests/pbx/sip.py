"""SIP messages: just enough of RFC 3261 to build telephones for tests."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field

COMPACT = {"f": "from", "t": "to", "i": "call-id", "v": "via", "m": "contact", "l": "content-length", "r": "refer-to"}


@dataclass
class Message:
    """A request (`method` and `uri`) or a response (`status` and `reason`). Header names are in lower case."""

    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    method: str = ""
    uri: str = ""
    status: int = 0
    reason: str = ""

    def get(self, name: str) -> str:
        """The first header of that name, or nothing."""
        return next((value for key, value in self.headers if key == name), "")

    def all(self, name: str) -> list[str]:
        """Every header of that name, in order."""
        return [value for key, value in self.headers if key == name]

    @property
    def call_id(self) -> str:
        """The Call-ID."""
        return self.get("call-id")

    @property
    def cseq(self) -> tuple[int, str]:
        """Number and method of the CSeq header."""
        number, _, method = self.get("cseq").partition(" ")
        return int(number), method.strip()

    @property
    def branch(self) -> str:
        """The branch of the topmost Via: the identity of the transaction."""
        match = re.search(r"branch=([^;,\s]+)", self.get("via"))
        return match[1] if match else ""

    def encode(self) -> bytes:
        """The bytes on the wire. Header values given as text with surrogates keep their raw bytes."""
        start = f"{self.method} {self.uri} SIP/2.0" if self.method else f"SIP/2.0 {self.status} {self.reason}"
        lines = [start, *(f"{_title(key)}: {value}" for key, value in self.headers)]
        lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + self.body


def _title(key: str) -> str:
    special = {"call-id": "Call-ID", "cseq": "CSeq", "rseq": "RSeq"}
    return special.get(key) or "-".join(part.capitalize() for part in key.split("-"))


def decode(data: bytes) -> Message | None:
    """Read one datagram; None when it is no SIP message (keep-alives)."""
    head, _, body = data.partition(b"\r\n\r\n")
    lines = re.sub(r"\r\n[ \t]+", " ", head.decode("utf-8", "surrogateescape")).split("\r\n")
    first = lines[0].split(" ", 2)
    if len(first) < 3:
        return None
    message = Message(body=body)
    if first[0] == "SIP/2.0":
        message.status, message.reason = int(first[1]), first[2]
    else:
        message.method, message.uri = first[0], first[1]
    for line in lines[1:]:
        key, _, value = line.partition(":")
        key = key.strip().lower()
        message.headers.append((COMPACT.get(key, key), value.strip()))
    return message


def tag(header: str) -> str:
    """The tag parameter of a From or To header."""
    match = re.search(r";\s*tag=([^;>\s]+)", header)
    return match[1] if match else ""


def uri_of(header: str) -> str:
    """The URI of a From, To or Contact header."""
    match = re.search(r"<([^>]+)>", header)
    return match[1] if match else header.split(";", maxsplit=1)[0].strip()


def new_tag() -> str:
    """A fresh tag, branch part or Call-ID part."""
    return secrets.token_hex(6)


def sdp(host: str, port: int, direction: str = "sendrecv", version: int = 1) -> bytes:
    """One µ-law audio stream; `direction` is sendrecv, sendonly, recvonly or inactive."""
    lines = ["v=0", f"o=- 1 {version} IN IP4 {host}", "s=-", f"c=IN IP4 {host}", "t=0 0"]
    lines += [f"m=audio {port} RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "a=ptime:20", f"a={direction}"]
    return "".join(line + "\r\n" for line in lines).encode()


def audio_address(body: bytes) -> tuple[str, int] | None:
    """Where the other side wants its audio, from its SDP."""
    text = body.decode("ascii", "replace")
    port = re.search(r"^m=audio (\d+)", text, re.MULTILINE)
    host = re.search(r"^c=IN IP4 (\S+)", text, re.MULTILINE)
    return (host[1], int(port[1])) if port and host and int(port[1]) else None
