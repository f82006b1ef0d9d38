#!/bin/sh
# Brings Conduit's database to this version's schema. See: ./migrate.sh --help
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

if [ -x "$here/.venv/bin/python" ]; then
    python=$here/.venv/bin/python
else
    python=${PYTHON:-python3}
fi

# A checkout runs whether or not it was installed.
if [ -d "$here/conduit" ]; then
    PYTHONPATH=$here${PYTHONPATH:+:$PYTHONPATH}
    export PYTHONPATH
fi

exec "$python" -m conduit.cli.migrate "$@"
