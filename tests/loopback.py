"""A small Hugging Face hub on loopback, with revisions, ranges and faults on demand.

`ROOT/<org>/<name>/` is a repository, of a dataset or a model, at `main`, `ROOT/<org>/<name>@<revision>/` the same at
another revision.
Files that end in `.gz`, `.parquet` or a part's number count as large ones, with a SHA-256 in place of Git's sum.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import urllib.parse
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, Self

import pytest

COMMIT = re.compile(r"[0-9a-f]{40}")
LARGE = re.compile(r"\.(gz|parquet|gz-\d+)$")


@dataclass
class Hub:
    """The hub: start it with `with`."""

    root: Path
    cut: dict[str, int] = field(default_factory=dict)
    """Paths whose next download breaks off after so many bytes."""
    busy: set[str] = field(default_factory=set)
    """Paths whose next download is answered with 503."""
    corrupt: set[str] = field(default_factory=set)
    """Paths whose next download arrives with its first byte changed."""
    downloads: list[tuple[str, str | None]] = field(default_factory=list)
    """Path and range of every download, in order."""

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"hub": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """The endpoint."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def lead(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let clients in this process come here."""
        from huggingface_hub import constants

        monkeypatch.setattr(constants, "ENDPOINT", self.url)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", self.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 100)

    def environment(self, home: Path) -> dict[str, str]:
        """Variables that lead a client here, and what it downloads to a folder instead of the user's own cache."""
        return {"HF_ENDPOINT": self.url, "HF_HOME": str(home), "HF_HUB_OFFLINE": "0"}

    def commit(self, folder: Path) -> str:
        """The commit of a repository's content, or the one that its folder is named after."""
        if COMMIT.fullmatch(name := folder.name.partition("@")[2]):
            return name
        names = json.dumps([(name, _git(folder / name)) for name in self.files(folder)])
        return hashlib.sha1(names.encode(), usedforsecurity=False).hexdigest()

    def files(self, folder: Path) -> list[str]:
        """Paths of a repository's files."""
        return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())

    def folder(self, repo: str, revision: str = "main") -> Path | None:
        """A repository at a revision: `main`, a name or a commit."""
        found = [self.root / repo, *sorted((self.root / repo).parent.glob(f"{Path(repo).name}@*"))]
        for place in found:
            name = place.name.partition("@")[2] or "main"
            if place.is_dir() and revision in {name, self.commit(place)}:
                return place
        return None


class _Handler(BaseHTTPRequestHandler):
    hub: ClassVar[Hub]
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        url = urllib.parse.urlsplit(self.path)
        path = urllib.parse.unquote(url.path)
        if match := re.fullmatch(r"/api/(?:datasets|models)/([^/]+/[^/]+)(?:/revision/([^/]+))?", path):
            self._in(match, lambda folder: self._json(_info(self.hub, match[1], folder)))
        elif match := re.fullmatch(r"/api/(?:datasets|models)/([^/]+/[^/]+)/tree/([^/]+)/?(.*)", path):
            entries = lambda folder: [  # noqa: E731
                _entry(folder, name) for name in self.hub.files(folder) if name.startswith(match[3])
            ]
            self._in(match, lambda folder: self._json(entries(folder)))
        elif match := re.fullmatch(r"(?:/datasets)?/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self._in(match, lambda folder: self._file(folder, match[3]))
        else:
            self._answer(404, b"", {"X-Error-Code": "RepoNotFound"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        match = re.fullmatch(r"/api/datasets/([^/]+/[^/]+)/paths-info/([^/]+)", urllib.parse.unquote(self.path))
        if not match:
            self._answer(404, b"", {"X-Error-Code": "EntryNotFound"})
            return
        asked = json.loads(body)["paths"] if body[:1] == b"{" else urllib.parse.parse_qs(body.decode())["paths"]
        self._in(match, lambda folder: self._json([_entry(folder, n) for n in asked if (folder / n).exists()]))

    def _in(self, match: re.Match[str], answer: Any) -> None:
        if not (self.hub.root / match[1]).is_dir():
            self._answer(404, b"", {"X-Error-Code": "RepoNotFound"})
        elif folder := self.hub.folder(match[1], match[2] or "main"):
            answer(folder)
        else:
            self._answer(404, b"", {"X-Error-Code": "RevisionNotFound"})

    def _file(self, folder: Path, name: str) -> None:
        file = folder / name
        if not file.is_file():
            self._answer(404, b"", {"X-Error-Code": "EntryNotFound"})
            return
        content = file.read_bytes()
        headers = {
            "ETag": f'"{_sha256(file) if LARGE.search(name) else _git(file)}"',
            "X-Repo-Commit": self.hub.commit(folder),
            "Accept-Ranges": "bytes",
            "Content-Type": "application/octet-stream",
        }
        if self.command == "HEAD":
            self._answer(200, content, headers)
            return
        asked = self.headers.get("Range")
        self.hub.downloads.append((name, asked))
        if name in self.hub.busy:
            self.hub.busy.discard(name)
            self._answer(503, b"", {})
            return
        if name in self.hub.corrupt:
            self.hub.corrupt.discard(name)
            content = bytes([content[0] ^ 1]) + content[1:]
        start = int(asked.removeprefix("bytes=").split("-")[0]) if asked else 0
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self._answer(206 if start else 200, content[start:], headers, self.hub.cut.pop(name, None))

    def _json(self, value: object) -> None:
        self._answer(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _answer(self, status: int, body: bytes, headers: dict[str, str], cut: int | None = None) -> None:
        self.send_response(status)
        for key, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:cut])
        self.close_connection = self.close_connection or cut is not None


def _info(hub: Hub, repo: str, folder: Path) -> dict[str, Any]:
    return {
        "id": repo,
        "sha": hub.commit(folder),
        "private": False,
        "gated": False,
        "disabled": False,
        "tags": [],
        "downloads": 0,
        "likes": 0,
        "lastModified": "2025-01-01T00:00:00.000Z",
        "createdAt": "2025-01-01T00:00:00.000Z",
        "siblings": [
            {"rfilename": name, "blobId": entry["oid"], **{key: entry[key] for key in ("size", "lfs") if key in entry}}
            for name in hub.files(folder)
            for entry in [_entry(folder, name)]
        ],
    }


def _entry(folder: Path, name: str) -> dict[str, Any]:
    file = folder / name
    if file.is_dir():
        return {"type": "directory", "path": name, "size": 0, "oid": "0" * 40}
    entry: dict[str, Any] = {"type": "file", "path": name, "size": file.stat().st_size, "oid": _git(file)}
    if LARGE.search(name):
        entry["lfs"] = {"oid": _sha256(file), "sha256": _sha256(file), "size": entry["size"], "pointerSize": 130}
    return entry


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _git(file: Path) -> str:
    content = file.read_bytes()
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()
