"""Requests to a server that is busy, slow or down at times."""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rzen_eval.errors import DataError, ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tenacity import RetryCallState

    from rzen_eval.models.declaration.external import RemoteSpec

REFUSED = frozenset({400, 413, 415, 422})
"""Answers that are about what was sent, so that sending it again is of no use."""
SAID = 200
"""Characters of a server's own words that go into a message."""


class AgainError(Exception):
    """An answer, or none, that may be another the next time; `after` are the seconds that the server asks to wait."""

    def __init__(self, why: str, after: float | None = None) -> None:
        super().__init__(why)
        self.after = after


class Pace:
    """No more than so many requests a minute, from any number of threads.

    Args:
        per_minute: None: as many as there can be.
    """

    def __init__(self, per_minute: float | None) -> None:
        self._interval = 60 / per_minute if per_minute else 0.0
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Until it is this request's turn."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + self._interval
        time.sleep(turn - now)

    def pause(self, seconds: float) -> None:
        """Let no request begin for so long."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)


class Remote:
    """A server that takes JSON and answers in JSON.

    The key is sent with every request and stands nowhere else: what a server says is searched for it before anybody
    gets to read it.

    Args:
        spec: says where the server is, what is sent beside the key, and for how long it is asked.
        key: sent as a bearer token; None: the server wants none.
    """

    def __init__(self, spec: RemoteSpec, key: str | None) -> None:
        try:
            import httpx2
            from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential
        except ImportError as error:
            raise ModelError(
                f"{spec.name}: an API needs httpx2 and tenacity ({error}); pip install 'rzen-eval[api]'"
            ) from error
        self._name, self._endpoint, self._key = spec.name, spec.address, key
        self._setting = spec.setting
        self._longest_wait, self._total_timeout = spec.longest_wait, spec.total_timeout
        self._largest = spec.largest_answer
        self._pace = Pace(spec.requests_per_minute)
        self._http = httpx2
        bearer = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx2.Client(headers=spec.headers | bearer, timeout=spec.timeout, follow_redirects=False)
        self._backoff = wait_random_exponential(multiplier=min(1.0, spec.longest_wait), max=spec.longest_wait)
        self._retrying = Retrying(
            retry=retry_if_exception_type(AgainError),
            stop=stop_after_attempt(spec.attempts),
            wait=self._wait,
            reraise=True,
        )

    def post(self, body: Mapping[str, Any]) -> Any:
        """Send a body until there is an answer.

        Raises:
            DataError: the server refuses this very body.
            ModelError: it refuses the key or the address, or does not answer after all attempts.
        """
        retrying = self._retrying.copy()
        try:
            return retrying(self._once, body)
        except AgainError as error:
            attempts = retrying.statistics.get("attempt_number", 1)
            raise ModelError(
                f"{self._who}: {error}, {attempts} times in a row; what has come is kept, and the same command goes"
                " on from there"
            ) from None

    @property
    def _who(self) -> str:
        return f"{self._name} at {urlsplit(self._endpoint).hostname}"

    def _once(self, body: Mapping[str, Any]) -> Any:
        self._pace.wait()
        try:
            with self._client.stream("POST", self._endpoint, json=body) as answer:
                content = self._content(answer)
        except self._http.TimeoutException:
            raise AgainError("no answer in time") from None
        except self._http.TransportError as error:
            raise AgainError(f"no connection ({self.plain(str(error) or type(error).__name__)})") from None
        except (self._http.InvalidURL, ValueError) as error:
            raise ModelError(
                f"{self._name}: {self._setting}.endpoint={self._endpoint} is no address ({error})"
            ) from None
        status, said = answer.status_code, self.plain(content.decode(errors="replace"))
        if status == 429 or status >= 500:
            after = _seconds(answer.headers.get("Retry-After"))
            if after is not None and after > self._longest_wait:
                raise ModelError(
                    f"{self._who} asks to wait {after:.0f} s, and {self._setting}.longest_wait is"
                    f" {self._longest_wait:g}; run the same command later, it goes on from there"
                )
            if after is not None:
                self._pace.pause(after)
            raise AgainError(f"status {status} ({said})", after)
        if status in REFUSED:
            raise DataError(f"{self._who} refuses it with status {status} ({said})")
        if status != 200:
            hint = "; see whether the key may use this model" if status in {401, 403} else ""
            raise ModelError(f"{self._who} answers with status {status} ({said}){hint}")
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            raise AgainError(f"an answer that is no JSON ({said})") from None

    def _content(self, answer: Any) -> bytes:
        """The body of an answer, within bounds."""
        deadline, content = time.monotonic() + self._total_timeout, bytearray()
        for part in answer.iter_bytes():
            content += part
            if len(content) > self._largest:
                raise ModelError(
                    f"{self._who} answers with more than {self._largest:,} bytes ({self._setting}.largest_answer)"
                )
            if time.monotonic() > deadline:
                raise AgainError(f"no end of its answer in {self._total_timeout:g} s ({self._setting}.total_timeout)")
        return bytes(content)

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        after = error.after if isinstance(error, AgainError) else None
        return float(self._backoff(state)) if after is None else after

    def plain(self, text: str) -> str:
        """A server's words in one short line, without the key."""
        hidden = text.replace(self._key, "***") if self._key else text
        return " ".join(hidden.split())[:SAID]


def _seconds(header: str | None) -> float | None:
    """What `Retry-After` asks for: a number of seconds, or a date."""
    if header is None:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
