#!/bin/sh
# The demo: PORT=8080 and PBX=sim|real come from the environment. Ctrl-C ends it and all that it started.
set -eu
cd "$(dirname "$0")/.."
PORT=${PORT:-8080}
case ${PBX:-sim} in
sim)
    exec env CTI_HTTP__PORT="$PORT" .venv/bin/cti run --demo --pbx sim
    ;;
real)
    exec env CTI_HTTP__PORT="$PORT" .venv/bin/python scripts/run_real.py
    ;;
*)
    echo "PBX is sim or real" >&2
    exit 2
    ;;
esac
