"""Keep the embedded archive running: ``python -m sunpy_helio_plugins.sandbox [port]``."""

from __future__ import annotations

import argparse

from sunpy_helio_plugins import sandbox


def main() -> None:
    """Read the command line and run the archive."""
    parser = argparse.ArgumentParser(prog="python -m sunpy_helio_plugins.sandbox", description=__doc__)
    parser.add_argument("port", nargs="?", type=int, default=0, help="the port; by default the system chooses one")
    try:
        run(parser.parse_args().port)
    except OSError as error:
        parser.exit(1, f"{error.strerror or error}\n")


def run(port: int) -> None:
    """Run the archive until Ctrl-C; port 0 lets the system choose a port."""
    try:
        with sandbox.serve(port) as archive:
            print(f"The embedded archive runs at {archive.url}; Ctrl-C ends it. In a notebook:\n")
            print("    import sunpy_helio_plugins.sandbox")
            print(f'    with sunpy_helio_plugins.sandbox.use("{archive.url}"):')
            print("        ...\n", flush=True)
            archive.wait()
    except KeyboardInterrupt:
        print("The embedded archive has stopped.")


if __name__ == "__main__":  # pragma: no cover - run in another process
    main()
