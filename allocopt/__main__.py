"""``python -m allocopt``: the command ``allocopt`` where it is not on the path."""

import sys

from allocopt.cli import main

if __name__ == "__main__":
    sys.exit(main())
