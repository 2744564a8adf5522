"""
Tables in files that give them back: `write` and `read` for any table, ``table.write`` and ``Table.read`` for results.

A search result or a series of values is taken apart into columns of numbers and text, which every reader knows, and a
header in JSON that says what they were. Nothing is pickled, and reading imports or executes nothing that a file names.
"""
