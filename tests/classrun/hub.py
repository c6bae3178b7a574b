"""A small Hugging Face hub on this machine: as honest, and as steady, as a test wants it."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "c" * 40


@dataclass
class Hub:
    """What it has, and how it behaves."""

    files: dict[str, bytes]
    """Path after the address of a repository's commit -> content."""
    breaks_after: int = 0
    """Bytes of an answer after which the connection ends, once for every file; 0 for never."""
    lies: bool = False
    """Whether it sends other bytes, as many of them, than it has."""
    address: str = ""
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    """Method, path and wanted range of every request."""
    broken: set[str] = field(default_factory=set)


def handler_of(hub: Hub) -> type[BaseHTTPRequestHandler]:
    """What answers for this hub."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.answer(with_body=False)

        def do_GET(self) -> None:
            self.answer(with_body=True)

        def answer(self, *, with_body: bool) -> None:
            wanted = self.headers.get("Range", "")
            hub.asked.append((self.command, self.path, wanted))
            data = hub.files.get(self.path)
            if data is None:
                self.send_response(404)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            etag = hashlib.sha256(data).hexdigest()
            data = bytes(byte ^ 1 for byte in data) if hub.lies else data
            start = int(wanted.removeprefix("bytes=").partition("-")[0]) if wanted else 0
            self.send_response(206 if wanted else 200)
            self.send_header("Content-Length", str(len(data) - start))
            if wanted:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{etag}"')
            self.send_header("Accept-Ranges", "bytes")
            self.end_headers()
            if with_body:
                self.send(data[start:])

        def send(self, data: bytes) -> None:
            if hub.breaks_after and self.path not in hub.broken:
                hub.broken.add(self.path)
                self.wfile.write(data[: hub.breaks_after])
                self.close_connection = True
                return
            self.wfile.write(data)

        def log_message(self, *arguments: object) -> None: ...

    return Handler


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """The hub, while it can be asked at its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(hub))
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
