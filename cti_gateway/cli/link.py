"""A blocking, logged-in connection to a configured PBX, for commands."""

from __future__ import annotations

from cti_gateway.ami.blocking import BlockingAmi
from cti_gateway.settings_types import CommandSettings, PbxSettings


def connect(pbx: PbxSettings, *, events: bool = False, timeout: float = 5.0) -> BlockingAmi:
    """Connect and log in; raises BlockingError (and its Refused)."""
    link = BlockingAmi(pbx.host, pbx.port, tls=pbx.tls, tls_verify=pbx.tls_verify, tls_ca=pbx.tls_ca, timeout=timeout)
    try:
        link.log_in(pbx.username, pbx.secret.get_secret_value(), auth=pbx.auth, events=events)
    except BaseException:
        link.close()
        raise
    return link


def chosen(settings: CommandSettings, name: str | None) -> list[PbxSettings]:
    """The PBX of this name, all without one."""
    return [one for one in settings.pbx if name in (None, one.name)]
