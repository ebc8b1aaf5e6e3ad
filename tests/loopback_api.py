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
    paths: list[str] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)


class _Handler(BaseHTTPRequestHandler):
    server_state: ClassVar[Server]
    right: ClassVar[Callable[..., Answer]]

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        state = self.server_state
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with state.lock:
            state.bodies.append(body)
            state.keys[self.headers["Authorization"]] += 1
            state.paths.append(self.path)
            state.times.append(time.monotonic())
            state.at_once += 1
            state.most_at_once = max(state.most_at_once, state.at_once)
            right = type(self).right
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


def like_vllm(_state: Server, body: dict[str, Any]) -> Answer:
    """As vLLM answers at /v1/embeddings: (letters, pictures, 1, 0) for each input, the last one first."""
    if body["model"] != "qwen/embed":
        said = f"The model `{body['model']}` does not exist."
        return 404, {}, json.dumps({"error": {"message": said, "type": "NotFoundError", "code": 404}}).encode()
    if "messages" in body:
        parts = [part for turn in body["messages"] for part in turn["content"]]
        words, pictures = "".join(part.get("text", "") for part in parts), sum("image_url" in part for part in parts)
        seen = [(words, pictures)]
    else:
        seen = [(one, 0) if isinstance(one, str) else (one.get("text", ""), "image" in one) for one in body["input"]]
    if any("forbidden" in words for words, _ in seen):
        error = {"message": "Input is too long.", "type": "BadRequestError", "param": None, "code": 400}
        return 400, {}, json.dumps({"error": error}).encode()
    rows = [[len(words), int(pictures), 1, 0][: body.get("dimensions", 4)] for words, pictures in seen]
    data = [{"index": place, "object": "embedding", "embedding": row} for place, row in enumerate(rows)]
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    answer = {
        "id": "embd-1",
        "object": "list",
        "created": 1,
        "model": body["model"],
        "data": data[::-1],
        "usage": usage,
    }
    return 200, {}, json.dumps(answer).encode()


@contextlib.contextmanager
def serving(right: Callable[..., Answer] = right) -> Iterator[Server]:
    """The server, running.

    Args:
        right: what it answers to a body when it is not told to do wrong.
    """
    state = Server()
    kind = type("Handler", (_Handler,), {"server_state": state, "right": staticmethod(right)})
    running = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    running.daemon_threads = True
    state.url = f"http://127.0.0.1:{running.server_port}/embed"
    threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield state
    running.shutdown()
    running.server_close()


def reranking(_state: Server, body: dict[str, Any]) -> Answer:
    """As vLLM answers at /v1/rerank: the share of the query's letters that a document has, the best first."""

    def parts(one: Any) -> list[dict[str, Any]]:
        return [{"type": "text", "text": one}] if isinstance(one, str) else one["content"]

    asked = {letter for part in parts(body["query"]) for letter in part.get("text", "")}
    if "!" in asked:
        return 400, {}, json.dumps({"error": {"message": "Input is too long.", "code": 400}}).encode()
    scores = []
    for document in map(parts, body["documents"]):
        letters = {letter for part in document for letter in part.get("text", "")}
        scores.append(len(asked & letters) / len(asked) + sum("image_url" in part for part in document))
    order = sorted(range(len(scores)), key=lambda place: -scores[place])
    results = [{"index": place, "document": {"text": ""}, "relevance_score": scores[place]} for place in order]
    said = {"id": "rerank-1", "model": body["model"], "usage": {"total_tokens": 1}, "results": results}
    return 200, {}, json.dumps(said).encode()
