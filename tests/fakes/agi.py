"""Asterisk's side of FastAGI: asks and obeys, as res_agi does."""

from __future__ import annotations

import asyncio
import re

MSET = re.compile(r'EXEC MSet "([^"()]*)"\n')
SET = re.compile(r'SET VARIABLE (\S+) "([^"]*)"\n')


def environment(script: str = "route?queue=support", **more: str) -> bytes:
    """The lines that Asterisk 22 sends, in its order; ``more`` overrides values."""
    values = {
        "network": "yes",
        "network_script": script,
        "request": f"agi://127.0.0.1:4573/{script}",
        "channel": "PJSIP/pstn-00000001",
        "language": "en",
        "type": "PJSIP",
        "uniqueid": "1795293080.1",
        "version": "22.10.1",
        "callerid": "13800138000",
        "calleridname": "unknown",
        "callingpres": "0",
        "callingani2": "0",
        "callington": "0",
        "callingtns": "0",
        "dnid": "820",
        "rdnis": "unknown",
        "context": "callweave-entry",
        "extension": "820",
        "priority": "4",
        "enhanced": "0.0",
        "accountcode": "",
        "threadid": "140230",
    } | more
    return "".join(f"agi_{name}: {value}\n" for name, value in values.items()).encode() + b"\n"


def obey(line: str, variables: dict[str, str]) -> bool:
    """Do what a command says, as res_agi and MSet do."""
    one, many = SET.fullmatch(line), MSET.fullmatch(line)
    if one is not None:
        variables[one[1]] = one[2]
    elif many is not None:
        variables |= dict(part.partition("=")[::2] for part in many[1].split(","))
    return bool(one or many)


async def ask(port: int, script: str = "route?queue=support", **more: str) -> dict[str, str]:
    """Ask as a call would; the variables that were set when the other side closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    found: dict[str, str] = {}
    try:
        writer.write(environment(script, **more))
        while line := await reader.readline():
            writer.write(b"200 result=1\n" if obey(line.decode(), found) else b"510 Invalid or unknown command\n")
    finally:
        writer.close()
    return found
