#!/bin/sh
# All tests: installs what they need, runs them, ends with pytest's own summary. Arguments go to pytest.
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
exec .venv/bin/python -m pytest -q -n "${JOBS:-2}" --dist loadgroup --max-worker-restart 2 "$@"
