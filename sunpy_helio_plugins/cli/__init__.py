"""
The command ``sunpy-helio``.

Its modules import click and the standard library only; the packages that do the work are imported by the commands that
need them, so that ``--help`` and the completion of the shell are fast.
"""
