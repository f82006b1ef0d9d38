"""``python -m conduit`` is the command ``conduit``."""

import sys

from conduit.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
