"""The program without installing it: `python main.py` is `cof-viewer`."""

from cof_viewer.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
