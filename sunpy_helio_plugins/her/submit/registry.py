"""Submissions to the registry, which require a login."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from sunpy_helio_plugins.arguments import ANY_TEXT, FLAG, instance, optional, shown, taking
from sunpy_helio_plugins.errors import AnswerError, QueryError, RelationWarning, ServiceRefused, warn
from sunpy_helio_plugins.her import service
from sunpy_helio_plugins.her.explore import ivorn_of
from sunpy_helio_plugins.her.query import ARCHIVE
from sunpy_helio_plugins.her.submit import voevent
from sunpy_helio_plugins.quantities.exact import exact_json
from sunpy_helio_plugins.transport.credentials import Login
from sunpy_helio_plugins.transport.exchange import Response
from sunpy_helio_plugins.transport.messages import server_message
from sunpy_helio_plugins.transport.secrets import Hidden, Secret
from sunpy_helio_plugins.transport.submit import SubmitSession

__all__ = [
    "Registry",
    "Submission",
    "comments",
    "endpoint",
    "form_text",
    "fraction",
    "succeeded",
    "whole_number",
]

DENIED = "permission denied"
"""The registry's message if the user is not signed in."""


def endpoint(event: Any, name: str, number: int | None, revision: int | None) -> dict[str, str]:
    """Return the form fields that identify an event: its number under the given name, or its IVORN."""
    made = {name: str(whole_number(name, number))} if number is not None else {"ivorn": ivorn_of(event)}
    return made if revision is None else made | {"revision": str(whole_number("revision", revision))}


def whole_number(name: str, number: Any) -> int:
    """Return an integer of at least 1; raise QueryError for other values."""
    if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < 1:
        raise QueryError(f"{name} must be an integer of at least 1, not {shown(number)}.")
    return int(number)


def fraction(what: str, number: Any) -> str:
    """Return a number from 0 to 1 as text; raise QueryError for other values."""
    if isinstance(number, bool) or not isinstance(number, int | float | np.number) or not 0 <= number <= 1:
        raise QueryError(f"{what} must be a number from 0 to 1, not {shown(number)}.")
    return f"{float(number):.12g}"


def form_text(name: str, value: Any) -> str:
    """Return a text that is not empty; raise QueryError for other values."""
    if not isinstance(value, str) or not value.strip():
        raise QueryError(f"{name} must be a text that is not empty, not {shown(value)}.")
    return value


def succeeded(answer: Response) -> dict[str, Any]:
    """Return the content of a response with the status "success"; raise AnswerError or ServiceRefused for others."""
    decoded = _decoded(answer)
    status = str(decoded.get("status") or "").lower()
    if status != "success":
        words = server_message(answer.content)
        raise ServiceRefused(ARCHIVE, answer.url, words if status else f"no status: {words}", answer.status)
    return decoded


def comments(answer: Response) -> list[dict[str, Any]]:
    """Return the comments of a response; raise AnswerError or ServiceRefused if it does not contain them."""
    decoded = _decoded(answer)
    found = decoded.get("comments")
    if not isinstance(found, list):
        if decoded.get("status"):
            succeeded(answer)
        words = f"no list of comments in the answer: {server_message(answer.content)}"
        raise AnswerError(ARCHIVE, answer.url, words, answer.status)
    return [entry for entry in found if isinstance(entry, dict)]


def _decoded(answer: Response) -> dict[str, Any]:
    try:
        decoded = exact_json(answer.text())
    except ValueError:
        decoded = None
    if not isinstance(decoded, dict):
        words = f"JSON was expected: {server_message(answer.content)}"
        raise AnswerError(ARCHIVE, answer.url, words, answer.status)
    return decoded


VERBS = ("causes", "is_associated_with")

AUTOMATIC = ("splits_into", "merges_into", "is_followed_by")

TRACKED = (
    "according to the registry's API page users report causes and is_associated_with; {!r} is generally a relation of "
    "methods that track features, with a strength of 1."
)
"""The warning for relations that the page posts in an example, but reserves for automatic methods."""


@dataclass(frozen=True)
class Submission:
    """
    A submission that was sent or, in a dry run, would be sent.

    Attributes
    ----------
    url : str
        The URL, which does not contain any part of the submission.
    fields : dict
        The form, without the password.
    document : bytes
        The uploaded document, if any.
    answer : dict or str or None
        The response of the registry; `None` in a dry run.
    """

    url: str
    fields: dict[str, str]
    document: bytes = field(default=b"", repr=False)
    answer: Any = None


_EVENT = instance("a VOEvent, as made by her.voevent.read or from_row,", voevent.VOEvent)


class Registry:
    """
    Submit events, ratings, comments and relations to the registry.

    Parameters
    ----------
    dry_run : bool, optional
        Whether to check and return each submission without sending it, and without signing in. Comments are still
        downloaded.

    Notes
    -----
    User and password are those of ``sign_in("her", user, password)`` of `sunpy_helio_plugins.transport.credentials`, of
    the netrc file or of the keyring. They, and all submissions, are sent in the body of a POST request over TLS; the
    session cookie is kept in memory and removed by `close`. Copies and pickles are not signed in.

    Examples
    --------
    >>> with Registry(dry_run=True) as registry:
    ...     print(registry.rate("ivo://helio-informatics.org/FL_1", 0.5).fields)
    {'cmd': 'rate', 'cosec': '2', 'ivorn': 'ivo://helio-informatics.org/FL_1', 'rating': '0.5'}
    """

    @taking("her.Registry", dry_run=FLAG)
    def __init__(self, dry_run: bool = False) -> None:
        self.dry_run = bool(dry_run)
        self._poster = SubmitSession(ARCHIVE)
        self._is_in = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Registry at {service.address()}, {'signed in' if self._is_in else 'not signed in'}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.dry_run,)

    def close(self) -> None:
        """Remove the session cookie."""
        self._poster.forget()
        self._is_in = False

    @taking("Registry.login", user=optional(ANY_TEXT), password=optional(ANY_TEXT))
    def login(self, user: str | None = None, password: str | None = None) -> None:
        """
        Sign in; submissions do this themselves if needed.

        Parameters
        ----------
        user, password : str, optional
            Default to the stored ones, see the class.

        Raises
        ------
        QueryError
            User and password are unknown.
        ServiceRefused
            The registry does not accept the user and password ("login failure").
        ServiceError
            The request failed.
        """
        known = Login("her", service.address()).secrets() if user is None or password is None else None
        if known is None:
            known = (Secret(user or ""), Secret(password or ""))
        # A traceback may print all variables.
        del password
        if not all(secret.reveal() for secret in known):
            raise QueryError('User and password of the registry are missing; use sign_in("her", user, password).')
        if self.dry_run:
            return
        # The registry only sets the cookie with cosec=1.
        form: dict[str, str | Secret] = {
            "username": known[0].reveal(),
            "password": known[1],
            "cmd": "login",
            "cosec": "1",
        }
        answer = self._poster.post(self._heks, form)
        words = Hidden([known[1]]).text(server_message(answer.content))
        if "login success" not in words.lower() or not self._poster.signed_in():
            raise ServiceRefused(ARCHIVE, answer.url, words or "no answer to the login", answer.status)
        self._is_in = True

    @property
    def _heks(self) -> str:
        return f"{service.address().rstrip('/')}/heks"

    def rate(
        self, event: Any, rating: float, *, idspecial: int | None = None, revision: int | None = None
    ) -> Submission:
        """
        Rate an event; a user has one rating for each event, and a later one replaces it.

        Parameters
        ----------
        event : str or astropy.table.Row or None
            An IVORN or a row; `None` with ``idspecial``.
        rating : float
            From 0 to 1.
        idspecial : int, optional
            The registry's number of the event, instead of its IVORN.
        revision : int, optional
            The number of the revision.

        Returns
        -------
        Submission
            The form and the response.

        Raises
        ------
        QueryError
            A value is not valid; no request was sent.
        ServiceError
            The request failed, or the registry refused the rating.
        """
        fields = endpoint(event, "idspecial", idspecial, revision) | {"rating": fraction("A rating", rating)}
        return self._submit("rate", fields)

    def comment(
        self, event: Any, text: str, *, idspecial: int | None = None, revision: int | None = None
    ) -> Submission:
        """
        Comment on an event.

        Parameters
        ----------
        event, idspecial, revision
            As for `rate`.
        text : str
            The comment.

        Returns
        -------
        Submission
            The form and the response.

        Raises
        ------
        QueryError
            A value is not valid; no request was sent.
        ServiceError
            The request failed, or the registry refused the comment.
        """
        target = endpoint(event, "idspecial", idspecial, revision)
        return self._submit("comment", target | {"comment": form_text("text", text)})

    def comments(
        self, event: Any, *, idspecial: int | None = None, revision: int | None = None
    ) -> list[dict[str, Any]]:
        """
        Return the comments on an event; this does not need a login.

        Parameters
        ----------
        event, idspecial, revision
            As for `rate`.

        Returns
        -------
        list of dict
            One for each comment.

        Raises
        ------
        ServiceError
            The registry does not have the event, or the request failed.
        """
        form = {"cmd": "comment", "cosec": "2"} | endpoint(event, "idspecial", idspecial, revision)
        return comments(self._poster.post(self._heks, form))

    def add_reference(
        self, event: Any, name: str, kind: str, url: str, *, eventid: int | None = None, revision: int | None = None
    ) -> Submission:
        """
        Add a reference to an event.

        Parameters
        ----------
        event, revision
            As for `rate`.
        name, kind, url : str
            The name, type and URL of the reference.
        eventid : int, optional
            The registry's number of the event, instead of its IVORN.

        Returns
        -------
        Submission
            The form and the response.

        Raises
        ------
        QueryError
            A value is not valid; no request was sent.
        ServiceError
            The request failed, or the registry refused the reference.
        """
        words = {"name": form_text("name", name), "type": form_text("kind", kind), "url": form_text("url", url)}
        return self._submit("add-reference", endpoint(event, "eventid", eventid, revision) | words)

    def relate(self, first: Any, verb: str, second: Any, strength: float = 1.0) -> Submission:
        """
        Submit a relation between two events.

        Parameters
        ----------
        first, second : str or astropy.table.Row
            IVORNs or rows.
        verb : str
            ``"causes"``, or ``"is_associated_with"`` if the cause is tentative. The verbs of methods that track
            features, ``"is_followed_by"``, ``"splits_into"`` and ``"merges_into"``, are submitted with a warning.
        strength : float, optional
            From 0 to 1.

        Returns
        -------
        Submission
            The form and the response.

        Raises
        ------
        QueryError
            The verb is not one of these: the registry computes containment from times and positions.
        ServiceError
            The request failed, or the registry refused the relation.
        """
        if isinstance(verb, str) and verb == "contains":
            words = "'contains' cannot be submitted: the registry computes it; search for it with a.her.Within."
            raise QueryError(words)
        if not isinstance(verb, str) or verb not in (*VERBS, *AUTOMATIC):
            raise QueryError(f"{shown(verb)} is not a relation; use {', '.join((*VERBS, *AUTOMATIC))}.")
        ends = {"ivorn1": ivorn_of(first), "ivorn2": ivorn_of(second), "edge_type": verb}
        ends["edge_strength"] = fraction("A strength", strength)
        if verb in AUTOMATIC:
            warn(f"her.Registry.relate: {TRACKED.format(verb)}", RelationWarning)
        return self._submit("create_edge", ends)

    @taking("Registry.upload", event=_EVENT)
    def upload(self, event: voevent.VOEvent) -> Submission:
        """
        Submit a new event.

        Parameters
        ----------
        event : VOEvent
            The event.

        Returns
        -------
        Submission
            The document and the response.

        Raises
        ------
        FileError
            The event lacks a keyword that the registry requires; nothing was sent.
        ServiceError
            The request failed, or the registry refused the event.
        """
        return self._send(event, "voeupload")

    @taking("Registry.revise", event=_EVENT)
    def revise(self, event: voevent.VOEvent, original: Any) -> Submission:
        """
        Submit a new revision of an event.

        Parameters
        ----------
        event : VOEvent
            The new revision, with the IVORN of the event.
        original : str or astropy.table.Row
            The IVORN, or the row, of the event to revise.

        Returns
        -------
        Submission
            The document and the response.

        Raises
        ------
        QueryError
            The IVORNs differ.
        FileError
            The event lacks a keyword that the registry requires; nothing was sent.
        ServiceError
            The request failed, or the registry refused the event.
        """
        if event.ivorn != ivorn_of(original):
            raise QueryError(f"A revision must have the original IVORN, {ivorn_of(original)}, not {event.ivorn!r}.")
        return self._send(event, "voerevise")

    def _submit(self, command: str, fields: dict[str, str]) -> Submission:
        form = {"cmd": command, "cosec": "2"} | fields
        if self.dry_run:
            return Submission(self._heks, form)
        self._sign_in()
        answer = self._poster.post(self._heks, form)
        if DENIED in answer.text().lower():
            # The session has ended; the next submission signs in again.
            self.close()
        return Submission(self._heks, form, answer=succeeded(answer))

    def _send(self, event: voevent.VOEvent, where: str) -> Submission:
        document = voevent.write(event)
        url = f"{service.address().rstrip('/')}/{where}"
        if self.dry_run:
            return Submission(url, {}, document)
        self._sign_in()
        answer = self._poster.post(url, {}, {"uploadedFile": ("event.xml", document)})
        words = server_message(answer.content)
        if DENIED in words.lower():
            self.close()
        if "successfully imported xml" not in words.lower():
            raise ServiceRefused(ARCHIVE, answer.url, words, answer.status)
        return Submission(url, {}, document, words)

    def _sign_in(self) -> None:
        if not self._is_in:
            self.login()
