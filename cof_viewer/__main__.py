"""`python -m cof_viewer` is the command `cof-viewer`."""

import sys

from cof_viewer.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
