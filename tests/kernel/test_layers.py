"""One table says what the layers are: what applies them, the report and the page agree with it."""

import pytest

from autograder.inside import walls
from autograder.kernel.layers import REPORT_IT, SANDBOXES, Side, layers_in, page_rows, remedy, report
from tests.builders import ROOT


@pytest.mark.parametrize("sandbox", SANDBOXES)
def test_the_forked_process_puts_up_exactly_these_in_this_order(sandbox: str) -> None:
    request: dict[str, object] = dict.fromkeys(
        ("folder", "environment", "ceilings", "growth_bytes", "uid", "gid", "layers_off", "filter", "proof")
    )
    applied = [name for name, *_ in walls.layers({**request, "sandbox": sandbox}, [], [0], "")]
    assert applied == [layer.name for layer in layers_in(sandbox) if layer.side is Side.PROCESS]


def test_the_page_shows_the_table() -> None:
    page = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")
    assert "|---|---|---|---|\n" + "\n".join(page_rows()) + "\n" in page


@pytest.mark.parametrize("sandbox", SANDBOXES)
def test_the_report_names_the_sandbox_and_every_layer_of_it_and_says_why_one_is_missing(sandbox: str) -> None:
    found = report(sandbox, frozenset({"growth"}), {"seccomp": "no library"})
    assert [*found] == ["sandbox", *(layer.name for layer in layers_in(sandbox))]
    assert found["sandbox"] == sandbox
    assert found["growth"] == "off"
    assert found["seccomp"] == "not available: no library"
    assert found["limits"] == "applied"


def test_each_sandbox_has_layers_of_its_own() -> None:
    names = [{layer.name for layer in layers_in(sandbox)} for sandbox in SANDBOXES]
    assert names[0] - names[1]
    assert names[1] - names[0]


def test_a_layer_without_a_remedy_of_its_own_asks_for_a_report() -> None:
    assert "ulimit" in remedy("limits")
    assert remedy("session") == remedy("unknown") == REPORT_IT
