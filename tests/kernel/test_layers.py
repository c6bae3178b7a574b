"""One table says what the layers are: what applies them, the report and the page agree with it."""

import socket

from autograder.inside import warm
from autograder.kernel.layers import LAYERS, REPORT_IT, Side, page_rows, remedy, report
from tests.builders import ROOT


def test_the_forked_process_puts_up_exactly_these_in_this_order() -> None:
    request = dict.fromkeys(("folder", "environment", "ceilings", "growth_bytes", "uid", "gid", "layers_off"))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        applied = [name for name, *_ in warm.layers(ours, request, [], "")]
    assert applied == [layer.name for layer in LAYERS if layer.side is Side.PROCESS]


def test_the_page_shows_the_table() -> None:
    page = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")
    assert "|---|---|---|\n" + "\n".join(page_rows()) + "\n" in page


def test_the_report_names_every_layer_and_says_why_one_is_missing() -> None:
    found = report(frozenset({"disk"}), {"seccomp": "no library"})
    assert [*found] == [layer.name for layer in LAYERS]
    assert found["disk"] == "off"
    assert found["seccomp"] == "not available: no library"
    assert found["mounts"] == "applied"


def test_a_layer_without_a_remedy_of_its_own_asks_for_a_report() -> None:
    assert "ulimit" in remedy("limits")
    assert remedy("session") == remedy("unknown") == REPORT_IT
