"""An embedding API on loopback, which does wrong what it is told to."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

Answer = tuple[int, dict[str, str], bytes | list[bytes]]
"""Status, headers, and the body; or its pieces, with a pause after each."""
PAUSE = 0.1
"""Seconds."""


@dataclass
class Server:
    """Answers with the vector (letters, pictures, 1, 0), after what it was told to do wrong."""

    wrongs: list[Callable[[Server], Answer | None]] = field(default_factory=list)
    """Taken one a request; None: the connection is cut."""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    keys: Counter[str] = field(default_factory=Counter)
    times: list[float] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)


class _Handler(BaseHTTPRequestHandler):
    server_state: ClassVar[Server]

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        state = self.server_state
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with state.lock:
            state.bodies.append(body)
            state.keys[self.headers["Authorization"]] += 1
            state.times.append(time.monotonic())
            state.at_once += 1
            state.most_at_once = max(state.most_at_once, state.at_once)
            wrong = state.wrongs.pop(0) if state.wrongs else right
        time.sleep(0.02)
        answer = wrong(state) if wrong is not right else right(state, body)
        with state.lock:
            state.at_once -= 1
        if answer is None:
            self.close_connection = True
            self.connection.close()
            return
        status, headers, content = answer[0], answer[1], answer[2] if isinstance(answer[2], list) else [answer[2]]
        with contextlib.suppress(OSError):  # whoever asked has gone
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(sum(map(len, content)))}).items():
                self.send_header(name, value)
            self.end_headers()
            for piece in content:
                self.wfile.write(piece)
                time.sleep(PAUSE * (len(content) > 1))


def right(_state: Server, body: dict[str, Any] | None = None) -> Answer:
    parts = (body or {"input": []})["input"]
    letters = sum(len(part["text"]) for part in parts if part["type"] == "text")
    pictures = sum(part["type"] == "image_url" for part in parts)
    return 200, {}, json.dumps({"data": {"embedding": [letters, pictures, 1, 0]}}).encode()


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    """The server, running."""
    state = Server()
    running = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"server_state": state}))
    running.daemon_threads = True
    state.url = f"http://127.0.0.1:{running.server_port}/embed"
    threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield state
    running.shutdown()
    running.server_close()
