"""The command ``sunpy-helio``, as ``python -m sunpy_helio_plugins``."""

from __future__ import annotations

from sunpy_helio_plugins.cli.main import main

if __name__ == "__main__":  # pragma: no branch - it is only run as a program
    main(prog_name="python -m sunpy_helio_plugins")
