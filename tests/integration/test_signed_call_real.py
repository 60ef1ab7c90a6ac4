"""A call that a carrier really signed (STIR/SHAKEN): Asterisk checks it, and its level is kept as evidence.

The carrier is the test: a certificate of its own authority, served on loopback, and an Identity header (RFC 8224, RFC
8588) that its telephone sends along.
"""

from __future__ import annotations

import asyncio
import base64
import datetime
import json
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

from interaction_log.store.engine import open_engine
from interaction_log.store.identity_tables import claims
from tests.fakes.entry_site import WANG, ZHAO, Site, site
from tests.fakes.patience import PATIENCE
from tests.pbx.asterisk import Pbx
from tests.pbx.fixtures import need_asterisk
from tests.pbx.stage import Stage

pytestmark = [pytest.mark.real("asterisk"), pytest.mark.timeout(180)]

TN_AUTHORIZATION_LIST = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.26")
SPC = bytes.fromhex("3008a00616043730394a")
"""RFC 8226: a service provider code, ``709J``."""
DIALPLAN = """
[from-pstn](+)
exten => 829,1,Set(SIGNED=${IF($[0${STIR_SHAKEN(count)} > 0]?1:0)})
 same => n,ExecIf($[${SIGNED}]?Set(VERIFIED=${STIR_SHAKEN(0,verify_result)}))
 same => n,ExecIf($[${SIGNED}]?Set(ATTESTED=${STIR_SHAKEN(0,attestation)}))
 same => n,AGI(agi://${CALLWEAVE_ENTRY}/route?queue=helpdesk&verified=${VERIFIED}&attested=${ATTESTED})
 same => n,Answer()
 same => n,Queue(helpdesk,tT)
"""
"""As docs/identity.md has it."""


class Carrier:
    """Signs numbers. ``url``: where its certificate is fetched."""

    def __init__(self) -> None:
        self.url = ""
        self._key = ec.generate_private_key(ec.SECP256R1())
        authority = ec.generate_private_key(ec.SECP256R1())
        self.authority = _certificate("Authority", authority, "Authority", authority, True)
        self.certificate = _certificate("SHAKEN 709J", self._key, "Authority", authority, False)

    def identity(self, number: str, dialled: str, level: str) -> str:
        """The header for a call from ``number`` (digits) to ``dialled``."""
        head = {"alg": "ES256", "ppt": "shaken", "typ": "passport", "x5u": self.url}
        said = {"attest": level, "dest": {"tn": [dialled]}, "iat": int(time.time()), "orig": {"tn": number}}
        signed = f"{_packed(head)}.{_packed(said | {'origid': str(uuid.uuid4())})}"
        r, s = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        token = f"{signed}.{_base64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"
        return f"Identity: {token};info=<{self.url}>;alg=ES256;ppt=shaken"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(self.certificate)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + self.certificate)
        await writer.drain()
        writer.close()


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _packed(value: dict[str, Any]) -> str:
    return _base64(json.dumps(value, separators=(",", ":"), sort_keys=True).encode())


def _certificate(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: str, by: ec.EllipticCurvePrivateKey, is_authority: bool
) -> bytes:
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
    )
    if not is_authority:
        made = made.add_extension(x509.UnrecognizedExtension(TN_AUTHORIZATION_LIST, SPC), critical=False)
    return made.sign(by, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _verification(home: Path) -> str:
    return f"""
[verification]
global_disable = no
load_system_certs = no
ca_file = {home}/authority.pem
cert_cache_dir = {home}/certificates
failure_action = continue_return_reason
ignore_sip_date_header = yes
x5u_deny = 0.0.0.0/0.0.0.0
x5u_permit = 127.0.0.0/8
relax_x5u_port_scheme_restrictions = yes
relax_x5u_path_restrictions = yes

[checked]
type = profile
endpoint_behavior = verify
"""


@pytest_asyncio.fixture(loop_scope="session")
async def carrier() -> AsyncIterator[Carrier]:
    made = Carrier()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/709J.pem"
    async with server:
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def signed_site(carrier: Carrier, tmp_path: Path) -> AsyncIterator[Site]:
    need_asterisk()
    own = Pbx()
    own.extra = {
        "stir_shaken.conf": _verification(own.inner),
        "pjsip.conf": "\n[pstn](+type=endpoint)\nstir_shaken_profile = checked\n",
        "extensions.conf": DIALPLAN,
    }
    (own.folder / "certificates").mkdir(parents=True)
    (own.folder / "authority.pem").write_bytes(carrier.authority)
    async with own:
        for module in ("res_stir_shaken.so", "res_pjsip_stir_shaken.so"):  # the sample leaves them out
            await own.ami.action("ModuleLoad", (), Module=module, LoadType="load")
        stage = Stage(own, tmp_path, "signed")
        await stage.open()
        try:
            async with site(stage, tmp_path) as made:
                yield made
        finally:
            await stage.close()


async def claimed(at: Site, folder: Path, number: str) -> dict[str, Any]:
    """What is kept of this number, once it is."""
    engine = open_engine(f"sqlite:///{folder / 'callweave.db'}", writes=False)
    query = sa.select(claims.c.details, claims.c.strength, claims.c.rule)
    query = query.where(claims.c.value == f"+86{number}", claims.c.source == "network")
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                with engine.connect() as connection:
                    row = connection.execute(query).first()
                if row is not None and "attestation" in row.details:
                    return {**json.loads(row.details), "strength": row.strength, "rule": row.rule}
                await asyncio.sleep(0.05)
    finally:
        engine.dispose()


async def test_the_level_of_a_signed_call_is_evidence(signed_site: Site, carrier: Carrier, tmp_path: Path) -> None:
    stage = signed_site.stage
    await stage.nobody_free("1007", "1008")
    signed = (carrier.identity(WANG, "829", "A"),)
    call = stage.outside.call("829", as_user=WANG, headers=signed)
    await signed_site.waiting("helpdesk", 1)
    assert await signed_site.variable(call, "VERIFIED") == "success", await stage.pbx.cli("stir_shaken show profiles")
    assert await signed_site.variable(call, "ATTESTED") == "A"
    kept = await claimed(signed_site, tmp_path, WANG)
    assert (kept["attestation"], kept["strength"], kept["rule"]) == ("A", "known", "attested")
    await call.hang_up()


async def test_a_signature_for_another_number_is_a_forgery(signed_site: Site, carrier: Carrier) -> None:
    stage = signed_site.stage
    await stage.nobody_free("1007", "1008")
    call = stage.outside.call("829", as_user=WANG, headers=(carrier.identity(ZHAO, "829", "A"),))
    await signed_site.waiting("helpdesk", 1)
    assert await signed_site.variable(call, "VERIFIED") not in ("", "success")
    assert "known" not in await signed_site.variable(call, "CALLWEAVE_WHY")
    await call.hang_up()
