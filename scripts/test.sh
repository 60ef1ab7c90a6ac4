#!/bin/sh
# All tests: installs what they need, runs them, ends with pytest's own summary. Arguments go to pytest.
# JOBS: processes; one more than there are cores, because tests with real servers also wait. Each takes up to 2 GB.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
"$python" scripts/setup.py dev
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    # A new machine: Debian packages and the real Asterisk, from nothing.
    .venv/bin/python -m tests.pbx.bootstrap
else
    .venv/bin/python -m tests.pbx.bootstrap || echo "tests: without these, the tests that need them are skipped" >&2
fi
cores=$(getconf _NPROCESSORS_ONLN)
room=$(awk '/^MemAvailable/ { print int($2 / 2097152) }' /proc/meminfo 2>/dev/null || echo 2)
jobs=$((room < cores + 1 ? room : cores + 1))
# A worker that ends (a test that takes too long ends its worker) ends the run, with that test as failed: pytest-xdist
# would begin another worker, end that one by the same test, and where little is left wait for ever (seen with 3.8).
exec .venv/bin/python -m pytest -q -n "${JOBS:-$((jobs < 2 ? 2 : jobs))}" --dist loadgroup --max-worker-restart 0 "$@"
