"""Asks a web service: tries again, gives up in time, and reads no endless answers."""

from __future__ import annotations

import time
from base64 import b64encode
from typing import TYPE_CHECKING
from urllib.parse import unquote

from ssdb import __version__
from ssdb.errors import ConfigError, ServiceError, option

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

RETRIES = 3
"""How often a question is asked again."""

BACKOFF_SECONDS = 0.5
"""Asked again at once, then after twice this, four times this, ..."""

MAX_BYTES = 2**29
"""No answer about one field is larger; more would only fill the memory."""

_FORM = (
    "the URL of a service is http://HOST[:PORT][/PATH] or https://..., without ? and #; in a user and a password "
    "before the host @ is written %40 and / is written %2F"
)
_CHUNK_BYTES = 2**16
_SHOWN_CHARACTERS = 200


class Unreachable(ServiceError):
    """A service that did not answer at all, or not completely."""


class Service:
    """A web service at one address, asked for ``path`` there, unless the URL ends in it.

    Connection errors, answers that break off or take longer than ``timeout`` seconds, and those of status 5xx are tried
    again, with growing pauses. Redirections are not followed: where to ask is for the user to say. ``url`` is what is
    asked, for messages: without a password. ConfigError if the URL or the time makes no sense.
    """

    def __init__(self, url: str, path: str, timeout: float) -> None:
        from urllib3 import PoolManager, make_headers
        from urllib3.exceptions import LocationParseError
        from urllib3.util import Url, parse_url

        if not timeout > 0:
            raise ConfigError(f"{option('--timeout', 'timeout')} must be above 0 s, not {timeout}")
        try:
            parsed = parse_url(url)
        except (LocationParseError, ValueError):
            # Not repeated here: it may hold a password.
            raise ConfigError(_FORM) from None
        base = (parsed.path or "").rstrip("/").removesuffix(f"/{path}")
        if parsed.scheme not in ("http", "https") or not parsed.host or parsed.query or parsed.fragment or "@" in base:
            raise ConfigError(_FORM)
        self.url = Url(parsed.scheme, None, parsed.host, parsed.port, f"{base}/{path}/").url
        self._timeout = timeout
        user = unquote(parsed.auth) if parsed.auth else None
        headers = make_headers(user_agent=f"ssdb/{__version__}")
        if user:  # make_headers by itself takes Latin-1 alone
            headers["authorization"] = f"Basic {b64encode(user.encode()).decode()}"
        # In whatever form a service, or a proxy, repeats them.
        secrets = [headers.get("authorization", "").removeprefix("Basic "), parsed.auth, user]
        secrets += [text.partition(":")[2] for text in (parsed.auth, user) if text]
        self._secrets = [secret for secret in secrets if secret]
        self._pool = PoolManager(headers=headers)

    def get(self, parameters: dict[str, str]) -> bytes:
        """The body of the answer to a question.

        Unreachable if there was no complete answer, or one of status 5xx, at the last try; ServiceError with the status
        if the service refuses the question.
        """
        from urllib3.exceptions import HTTPError, MaxRetryError
        from urllib3.util import Retry

        retries = Retry(total=RETRIES, backoff_factor=BACKOFF_SECONDS)
        while True:
            error: HTTPError | None = None
            response: BaseHTTPResponse | None = None
            try:
                response, body = self._ask(parameters)
                if response.status < 500:
                    return self._checked(response, body)
                failure = f"{self.url}: status {response.status}{self._said(body)}"
            except HTTPError as raised:
                error, failure = raised, f"{self.url}: {self._reason(raised)}"
            try:
                retries = retries.increment("GET", self.url, response, error)
            except MaxRetryError:
                raise Unreachable(f"{failure} (tried {RETRIES + 1} times)") from error
            retries.sleep()

    def _ask(self, parameters: dict[str, str]) -> tuple[BaseHTTPResponse, bytes]:
        """One try: the response, and its whole body."""
        from urllib3.exceptions import ReadTimeoutError

        end = time.monotonic() + self._timeout
        response = self._pool.request(
            "GET", self.url, fields=parameters, retries=False, preload_content=False, timeout=self._timeout
        )
        try:
            body = bytearray()
            # As it comes: a service that sends a byte now and then would outlast any time-out of the socket.
            while chunk := response.read1(_CHUNK_BYTES):
                body += chunk
                if time.monotonic() > end:
                    raise ReadTimeoutError(self._pool, self.url, "too slow")  # type: ignore[arg-type]
                if len(body) > MAX_BYTES:
                    raise ServiceError(f"{self.url}: the answer is larger than {MAX_BYTES:,} bytes")
        except BaseException:
            response.close()
            raise
        response.release_conn()
        return response, bytes(body)

    def _checked(self, response: BaseHTTPResponse, body: bytes) -> bytes:
        if response.status == 200:
            return body
        where = self._hidden(response.headers.get("Location", "").partition("?")[0])
        if where and 300 <= response.status < 400:
            raise ServiceError(
                f"{self.url}: redirects to {where}: give that address as {option('--url', 'url')} if it is right"
            )
        raise ServiceError(f"{self.url}: status {response.status}{self._said(body)}", status=response.status)

    def _reason(self, error: Exception) -> str:
        from urllib3.exceptions import NewConnectionError, ProtocolError, TimeoutError

        # A refused connection counts as a time-out there.
        if isinstance(error, TimeoutError) and not isinstance(error, NewConnectionError):
            return f"no complete answer within {self._timeout:g} s"
        if isinstance(error, ProtocolError):
            return f"the answer broke off ({error.args[0] if error.args else error})"
        return f"no answer: {error.__cause__ or error}"

    def _said(self, body: bytes) -> str:
        """What a service says about its error, if that is text."""
        text = self._hidden(" ".join(body[: 4 * _SHOWN_CHARACTERS].decode("utf-8", "replace").split()))
        shortened = text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]} ..."
        return f": {shortened}" if shortened.isprintable() and shortened else ""

    def _hidden(self, text: str) -> str:
        """What a service says without the password that it was given."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text
