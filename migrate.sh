#!/bin/sh
# Brings Conduit's database to this version's schema. See: ./migrate.sh --help
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

if [ -n "${PYTHON:-}" ]; then
    python=$PYTHON
elif [ -x "$here/.venv/bin/python" ]; then
    python=$here/.venv/bin/python
else
    python=python3
fi

# A checkout runs whether or not it was installed.
if [ -d "$here/conduit" ]; then
    PYTHONPATH=$here${PYTHONPATH:+:$PYTHONPATH}
    export PYTHONPATH
fi

if ! "$python" -c 'from importlib.util import find_spec as f; assert f("alembic") and f("conduit")' 2>/dev/null
then
    echo "migrate.sh: $python cannot run Conduit; install it first (make install), or name another with PYTHON=" >&2
    exit 2
fi

exec "$python" -m conduit.cli.migrate "$@"
