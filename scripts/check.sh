#!/bin/sh
# Format, lint, types, import contracts, generated wire types, and the browser apps' own checks. Tells all, then fails.
set -u
cd "$(dirname "$0")/.."
bin=.venv/bin
failed=""
check() {
    echo "check: $*"
    "$@" || failed="$failed
  $*"
}
check $bin/ruff format --check .
check $bin/ruff check .
check $bin/mypy
check $bin/lint-imports
check $bin/python -m agent_console.wire_types --check
check $bin/python -m webchat.wire_types --check
check $bin/python scripts/diagrams.py --check
for app in agent_console/web webchat/widget; do
    if [ -f $app/package.json ] && [ -d $app/node_modules ]; then
        check npm --prefix $app run --silent typecheck
    fi
done
[ -z "$failed" ] || { echo "check: failed:$failed" >&2; exit 1; }
echo "check: all is well"
