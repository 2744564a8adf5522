"""What a misspelt word may have meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["did_you_mean"]

MOST = 4


def did_you_mean(name: str, words: Iterable[str], prefix: str = "", group: str = "") -> str:
    """
    Return the end of a sentence that says what was probably meant.

    Parameters
    ----------
    name : str
        What was written.
    words : iterable of str
        What could have been written.
    prefix, group : str, optional
        What stands before each word, as in ``a.her.`` and ``CH``.

    Returns
    -------
    str
        ``"; did you mean ...?"``, or a full stop where nothing is near.
    """
    known = {word.lower(): word for word in words}
    asked = name.lower()
    near = get_close_matches(asked, known, n=MOST, cutoff=0.7)
    # "area" is no near match of "area_atdiskcenter", and yet what was meant.
    near += [word for word in sorted(known) if len(asked) > 2 and asked in word]
    if not near:
        return "."
    start = f"{prefix}{group}." if group else prefix
    return f"; did you mean {' or '.join(f'{start}{known[word]}' for word in list(dict.fromkeys(near))[:MOST])}?"
