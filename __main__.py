"""``python -m layerc``: the same as the ``layerc`` command."""

import sys

from .runtime.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
