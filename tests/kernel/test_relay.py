"""What a kernel sends is counted by messages, frame after frame, before ZeroMQ collects it."""

import itertools
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq

from autograder.kernel.relay import FRAME_BYTES, GREETING_BYTES, PIECE_BYTES, Counter, Relay, TooLong

MAX_BYTES = 10_000
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01NULL" + bytes(GREETING_BYTES - 16)
DEADLINE_MS = 120_000


def frame(size: int, *, more: bool = False, command: bool = False) -> bytes:
    """A frame of ZMTP 3 with so many bytes in it."""
    long = size > 255
    head = bytes([more + 2 * long + 4 * command])
    return head + size.to_bytes(8 if long else 1, "big") + bytes(size)


def count(*frames: bytes, piece: int = 10**9, greeting: bytes = GREETING) -> None:
    """Have it counted in pieces of a length."""
    counter, sent = Counter(MAX_BYTES), greeting + b"".join(frames)
    for start in range(0, len(sent), piece):
        counter.take(sent[start : start + piece])


@pytest.mark.parametrize("piece", [1, 7, 4096, 10**6])
def test_messages_that_are_short_each_pass_however_many_there_are(piece: int) -> None:
    count(*[frame(4000, more=True), frame(200, more=True), frame(3000)] * 10, piece=piece)


@pytest.mark.parametrize("piece", [1, 7, 4096, 10**6])
@pytest.mark.parametrize(
    "frames",
    [
        [frame(MAX_BYTES)],
        [frame(4000, more=True)] * 3,
        [frame(0, more=True)] * (MAX_BYTES // FRAME_BYTES + 1),
        [frame(4000, more=True), frame(5, command=True)] * 3,
        [frame(MAX_BYTES, command=True)],
    ],
    ids=["one long frame", "frames of one message", "empty frames", "commands between frames", "a long command"],
)
def test_a_message_that_is_too_long_in_all_is_refused(frames: list[bytes], piece: int) -> None:
    with pytest.raises(TooLong, match="10,000"):
        count(*frames, piece=piece)


def test_the_length_is_refused_before_the_content_is_there() -> None:
    with pytest.raises(TooLong):
        count(b"\x02" + (1 << 60).to_bytes(8, "big"))


@pytest.mark.parametrize("greeting", [b"\x01\x00" + bytes(62), GREETING[:10] + b"\x01" + GREETING[11:], bytes(64)])
def test_older_ways_to_talk_which_are_framed_otherwise_are_refused(greeting: bytes) -> None:
    with pytest.raises(TooLong, match="ZMTP"):
        count(frame(1), greeting=greeting)


@pytest.fixture
def relayed(tmp_path: Path) -> Iterator[tuple[Any, Any]]:
    """A socket of a kernel's, and one of a client's that is connected to it through a relay."""
    host, kernel = str(tmp_path / "s"), str(tmp_path / "k")
    with zmq.Context() as context, context.socket(zmq.ROUTER) as theirs, context.socket(zmq.DEALER) as ours:
        for opened in (theirs, ours):
            opened.setsockopt(zmq.LINGER, 0)
            opened.setsockopt(zmq.RCVTIMEO, DEADLINE_MS)
        theirs.bind(f"ipc://{kernel}")
        close = Relay().open([(host, kernel)], 1 << 20)
        ours.connect(f"ipc://{host}")
        yield theirs, ours
        close()


def test_requests_and_replies_pass_whole(relayed: tuple[Any, Any]) -> None:
    theirs, ours = relayed
    for size in (0, 1, 255, 256, PIECE_BYTES, 500_000):
        ours.send_multipart([b"asked", bytes(size)])
        who, *asked = theirs.recv_multipart()
        theirs.send_multipart([who, *asked, b"answered"])
        assert ours.recv_multipart() == [b"asked", bytes(size), b"answered"]


def test_a_connection_in_which_nothing_moves_ends_with_its_relay(tmp_path: Path) -> None:
    host, kernel = str(tmp_path / "s"), str(tmp_path / "k")
    with socket.socket(socket.AF_UNIX) as listening, socket.socket(socket.AF_UNIX) as ours:
        listening.bind(kernel)
        listening.listen()
        close = Relay().open([(host, kernel)], 1 << 20)
        ours.connect(host)
        theirs, _ = listening.accept()
        with theirs:
            close()
            for end in (ours, theirs):
                end.settimeout(DEADLINE_MS / 1000)
                assert end.recv(1) == b""


def test_SECURITY_a_flood_in_one_message_ends_the_connection_and_the_next_message_arrives(
    relayed: tuple[Any, Any],
) -> None:
    theirs, ours = relayed
    ended = ours.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    ours.send(b"hello")
    who, _ = theirs.recv_multipart()
    theirs.send_multipart([who, *itertools.repeat(bytes(900_000), 60)])
    assert ended.poll(DEADLINE_MS)
    ours.disable_monitor()
    ended.close()
    # The connection is made again, and whoever asks is known under a new name.
    ours.send(b"still there?")
    who, _ = theirs.recv_multipart()
    theirs.send_multipart([who, b"yes"])
    assert ours.recv_multipart() == [b"yes"]
