"""The endpoints of one HAPI server."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from threading import RLock
from typing import Any, NoReturn, TypeVar, cast
from urllib.parse import quote, urlencode

from sunpy_helio_plugins.errors import (
    AnswerError,
    FileError,
    HelioPluginsError,
    QueryError,
    ServerError,
    ServiceError,
    ServiceRefused,
)
from sunpy_helio_plugins.fido.partial import outcomes
from sunpy_helio_plugins.hapi.model import Info
from sunpy_helio_plugins.hapi.query import unlike
from sunpy_helio_plugins.hapi.server_list import HAPIServer
from sunpy_helio_plugins.hapi.status import is_success, status_of
from sunpy_helio_plugins.quantities.exact import whole_number
from sunpy_helio_plugins.quantities.spans import Moment, moment
from sunpy_helio_plugins.transport import metadata
from sunpy_helio_plugins.transport.credentials import Login

__all__ = ["Service", "login_of"]

T = TypeVar("T")

_OLD_NAMES = {"dataset": "id", "start": "time.min", "stop": "time.max"}
"""Names of fields in HAPI 3 and before; older servers refuse the new names (error 1401 of specification 2.0)."""

_NEW_NAMES = 3

_NO_ENDPOINT = frozenset({200, 400, 404, 405, 410})
"""HTTP statuses of a server without an endpoint; 200 has a HAPI error in its body."""

_LONGEST_URL = 8000
"""
The largest length of a URL in bytes. The specification suggests that servers accept 2048, but their own datasets need
more (CDAWeb 5,394, datashop 5,889), and most web servers accept 8192.
"""


def login_of(server: HAPIServer) -> Login | None:
    """Return the login of a server; `None` if it does not require a token."""
    if server.token_service is None:
        return None
    address, scope = server.token_service
    prefix = "".join(char if char.isalnum() else "_" for char in server.name).upper()
    variables = ((f"{prefix}_CLIENT_ID", f"{prefix}_CLIENT_SECRET"),)
    return Login(server.name, server.url, "oauth2", variables, token_url=address, scope=scope)


@dataclass
class Service:
    """
    One server during one search; its responses for metadata are requested once.

    Parameters
    ----------
    server : HAPIServer
        The server.
    fresh : bool, optional
        Whether to ignore the cache on disk.
    """

    server: HAPIServer
    fresh: bool = False
    _known: dict[str, Any] = field(default_factory=dict, repr=False)
    _has_sent_formats: bool = field(default=False, init=False, repr=False)
    _asking: RLock = field(default_factory=RLock, repr=False, compare=False)

    def capabilities(self) -> dict[str, Any]:
        """Return the response of ``capabilities``; servers without this endpoint have csv only."""
        return self._once("capabilities", self._capabilities)

    def about(self) -> dict[str, Any]:
        """Return the response of ``about``."""
        return self._once("about", partial(self._ask, "about", {}, self._object, keeps=_describes_server))

    def catalog(self) -> dict[str, dict[str, Any]]:
        """Return the catalogue entries of all datasets by their ids."""
        return self._once("catalog", self._catalog)

    def begin_search(self) -> None:
        """Forget the response of ``capabilities`` if the server did not send its formats: it is requested again."""
        with self._asking:
            if not self._has_sent_formats:
                self._known.pop("capabilities", None)

    def title(self, dataset: str) -> str:
        """Return the title of a dataset in the catalogue; empty if it does not have one."""
        return str(self.catalog().get(dataset, {}).get("title") or "")

    def info(self, dataset: str, until: Moment | None = None) -> Info:
        """Return the description of a dataset; a cached one that ends before ``until`` is requested again."""
        inside = self._known.get("catalog", {}).get(dataset, {}).get("info")
        with contextlib.suppress(FileError):
            return Info.from_json(inside)
        try:
            return self._described(dataset, None if until is None else partial(_reaches, until))
        except (ServiceRefused, ServerError) as refused:
            # Some servers fail with HTTP 500 for an unknown id.
            self._explain_dataset(dataset, refused)
            raise

    def _described(self, dataset: str, serves: Callable[[Info], bool] | None) -> Info:
        """Request a description; if the version of HAPI is not known yet, together with the capabilities."""
        query = {"dataset": dataset}
        ask = partial(self._ask, "info", parse=self._info, serves=serves)
        if "capabilities" not in self._known and not self._is_cached("capabilities"):
            expected = _renamed(query, self.server.version if self.server.is_listed else str(_NEW_NAMES))
            both: tuple[Callable[[], Any], ...] = (self.capabilities, partial(ask, named=expected))
            found = outcomes(both, lambda request: request(), len(both))
            wrong = [one for one in found if isinstance(one, HelioPluginsError)]
            if not wrong:
                return cast("Info", found[1])
            if wrong[0] is found[0] or self.names(query) == expected:
                raise wrong[0]
        return ask(named=self.names(query))

    def _is_cached(self, endpoint: str) -> bool:
        """Return whether a response is available without a request."""
        return not self.fresh and metadata.is_cached(f"{self.server.url}/{endpoint}", login=login_of(self.server))

    def at_hand(self, datasets: Sequence[str]) -> dict[str, Info]:
        """Return the descriptions that are available without a request, from the catalogue and the cache."""
        entries = self.catalog()
        inside = {one: entries.get(one, {}).get("info") for one in datasets}
        others = [one for one, info in inside.items() if not isinstance(info, dict)]
        questions = [self.names({"dataset": one}) for one in others]
        kept = metadata.load_cached(f"{self.server.url}/info", questions, archive=self.server.archive)
        answers = inside | dict(zip(others, kept, strict=True))
        found: dict[str, Info] = {}
        for one, answer in answers.items():
            with contextlib.suppress(FileError):
                found[one] = Info.from_json(answer)
        return found

    def names(self, query: Mapping[str, str]) -> dict[str, str]:
        """Rename the fields of a request to those of the server's version of HAPI."""
        return _renamed(query, str(self.capabilities().get("HAPI") or self.server.version))

    def format(self, info: Info, wanted: str | None = None) -> str:
        """Return the format to request: binary if the server has it and the layout of records is known, else csv."""
        capabilities = self.capabilities()
        offered = [str(one) for one in capabilities["outputFormats"]] if _has_formats(capabilities) else ["csv"]
        if wanted is not None:
            if wanted not in offered:
                raise QueryError(f"{self.server.archive} has no format {wanted!r}; it has {', '.join(offered)}.")
            return wanted
        try:
            info.record()
        except FileError:
            return "csv"
        return "binary" if "binary" in offered else "csv"

    def data_url(self, dataset: str, info: Info, wanted: bool, start: str, stop: str, chosen: str) -> str:
        """Return the URL of records from ``start`` to before ``stop``."""
        query = {"dataset": dataset, "start": start, "stop": stop}
        ending = {"format": chosen, "include": "header"}
        if wanted or self.server.explicit_parameters:
            query["parameters"] = ",".join(dict.fromkeys(info.names[1:] or info.names))
        url = self._url(query | ending)
        if len(url) > _LONGEST_URL:
            more = "" if self.server.explicit_parameters else ", or none to get all"
            raise QueryError(
                f"The parameters of {dataset} of {self.server.archive} result in a URL of {len(url)} bytes; the limit "
                f"is {_LONGEST_URL}. Give fewer parameters{more}."
            )
        return url

    def _once(self, name: str, ask: Callable[[], Any]) -> Any:
        with self._asking:
            if name not in self._known:
                self._known[name] = ask()
            return self._known[name]

    def _url(self, query: Mapping[str, str]) -> str:
        return f"{self.server.url}/data?{urlencode(self.names(query), quote_via=quote, safe=':/,@')}"

    def _capabilities(self) -> dict[str, Any]:
        try:
            answer = self._ask("capabilities", {}, self._object, keeps=_has_formats)
        except ServiceRefused as refused:
            if refused.status not in _NO_ENDPOINT:
                raise
            # This endpoint was added in HAPI 1.1; csv is mandatory.
            return {"outputFormats": ["csv"]}
        self._has_sent_formats = _has_formats(answer)
        return answer

    def _catalog(self) -> dict[str, dict[str, Any]]:
        """Request the catalogue, including all descriptions if the server offers that (HAPI 3.2)."""
        options = self.capabilities().get("catalogDepthOptions")
        deep = isinstance(options, list | str) and "all" in options
        return self._ask("catalog", {"depth": "all"} if deep else {}, self._entries)

    def _ask(
        self,
        endpoint: str,
        named: Mapping[str, str],
        parse: Callable[[str, Any], T],
        keeps: Callable[[T], object] = bool,
        serves: Callable[[T], bool] | None = None,
    ) -> T:
        url = f"{self.server.url}/{endpoint}"
        try:
            return metadata.cached_json(
                url,
                named,
                archive=self.server.archive,
                headers={"Accept-Encoding": "identity"} if self.server.identity else None,
                parse=partial(parse, url),
                keeps=keeps,
                login=login_of(self.server),
                serves=_never if self.fresh else serves,
                may_be_outdated=not self.fresh,
            )
        except ServiceRefused as refused:
            if refused.status in (401, 403):
                self.explain_sign_in(refused)
            raise

    def _object(self, url: str, decoded: Any) -> dict[str, Any]:
        """Return a JSON object; raise an error for a HAPI status that is not a success, also with HTTP status 200."""
        if not isinstance(decoded, dict):
            raise AnswerError(self.server.archive, url, "the response is not a JSON object", 200)
        code, message = status_of(decoded)
        if not is_success(code):
            raise ServiceRefused(self.server.archive, url, f"{message} (HAPI {code})", 200)
        return decoded

    def _info(self, url: str, decoded: Any) -> Info:
        try:
            return Info.from_json(self._object(url, decoded))
        except FileError as error:
            raise AnswerError(self.server.archive, url, str(error)) from None

    def _entries(self, url: str, decoded: Any) -> dict[str, dict[str, Any]]:
        members = self._object(url, decoded).get("catalog")
        if not isinstance(members, list):
            raise AnswerError(self.server.archive, url, "the response does not contain a catalogue")
        entries = {str(one["id"]): one for one in members if isinstance(one, dict) and one.get("id")}
        if members and not entries:
            raise AnswerError(self.server.archive, url, "the catalogue has no entry with an id")
        return entries

    def explain_sign_in(self, refused: ServiceError) -> NoReturn:
        """Raise an error that describes where to get credentials and where to store them."""
        login, name = login_of(self.server), self.server.name
        if login is None:
            raise refused
        where = f"to get credentials, {self.server.credentials}; " if self.server.credentials else ""
        words = (
            f"{refused.words or 'Not Authenticated'}. This server requires credentials: {where}store them in the "
            f"environment variables {' and '.join(login.variables[0])}, in the netrc file for its host, in the "
            f'keyring as "sunpy_helio_plugins:{name}", or pass them to sunpy_helio_plugins.sign_in("{name}", id, '
            "secret)"
        )
        raise ServiceRefused(refused.archive, refused.url, words, refused.status) from refused

    def _explain_dataset(self, dataset: str, refused: ServiceError) -> None:
        try:
            ids = self.catalog()
        except ServiceError:
            return
        if dataset not in ids:
            raise QueryError(unlike(f"{self.server.archive} has no dataset", dataset, ids)) from refused


def _renamed(query: Mapping[str, str], version: str) -> dict[str, str]:
    if (whole_number(version.partition(".")[0]) or 0) >= _NEW_NAMES:
        return dict(query)
    return {_OLD_NAMES.get(name, name): value for name, value in query.items()}


def _never(result: Any) -> bool:
    return False


def _has_formats(capabilities: Mapping[str, Any]) -> bool:
    """Return whether an answer contains the formats: servers send other objects, such as errors, with status 200."""
    formats = capabilities.get("outputFormats")
    return isinstance(formats, list) and bool(formats)


def _describes_server(about: Mapping[str, Any]) -> bool:
    """Return whether an answer contains one of the fields that `about` must have."""
    return any(about.get(name) for name in ("id", "title", "contact"))


def _reaches(until: Moment, info: Info) -> bool:
    stop = moment(info.stop)
    return stop is None or stop >= until
