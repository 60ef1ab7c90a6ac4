#!/bin/sh
# The demo: PORT=8080 and PBX=sim|real come from the environment. Ctrl-C ends it and all that it started.
set -eu
cd "$(dirname "$0")/.."
PORT=${PORT:-8080}
# Where the kernel can do it, what we start ends with us, however we end.
guard=""
command -v setpriv >/dev/null 2>&1 && setpriv --pdeathsig TERM true 2>/dev/null && guard="setpriv --pdeathsig TERM"
case ${PBX:-sim} in
sim)
    exec $guard env CTI_HTTP__PORT="$PORT" .venv/bin/cti run --demo --pbx sim
    ;;
real)
    exec $guard env CTI_HTTP__PORT="$PORT" .venv/bin/python scripts/run_real.py
    ;;
*)
    echo "PBX is sim or real" >&2
    exit 2
    ;;
esac
