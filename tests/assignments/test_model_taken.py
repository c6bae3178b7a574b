"""TODO 8's probe takes the PEFT model that TODO 7's has made, if the student's configuration is still the same."""

from typing import Any

import pytest
from hw8_lora import inputs, probes, probes_peft
from peft import LoraConfig

from tests.builders import through_the_wire

pytestmark = pytest.mark.filterwarnings("ignore")
"""PEFT and transformers warn of what is old in each other, as in a student's kernel."""


def student(r: int) -> dict[str, Any]:
    """A namespace with a configuration of this rank, and a head that trains."""

    def make_lora_config() -> LoraConfig:
        return LoraConfig(r=r, target_modules=["c_attn"], layers_to_transform=[10, 11], fan_in_fan_out=True)

    def train_head(model: Any) -> None:
        model.base_model.model.score.weight.requires_grad_(True)

    return {"make_lora_config": make_lora_config, "train_head": train_head}


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The ranks of the models that are made from now on."""
    ranks: list[int] = []
    make = vars(probes_peft)["get_peft_model"]

    def noted(model: Any, config: LoraConfig) -> Any:
        ranks.append(config.r)
        return make(model, config)

    monkeypatch.setattr(probes_peft, "get_peft_model", noted)
    monkeypatch.setattr(probes_peft, "MADE", [])
    return ranks


def test_the_model_of_todo_7_serves_todo_8_once(made: list[int]) -> None:
    notebook = student(1)
    probes.PROBES["todo7"](notebook, inputs, 7)
    first = probes.PROBES["todo8"](notebook, inputs, 7)
    assert made == [1, 1]
    again = probes.PROBES["todo8"](notebook, inputs, 7)
    assert made == [1, 1, 1, 1]
    for key in ("before", "after", "left", "returned", "error"):
        assert first["first"][key] == again["first"][key]
    assert first["second"] == again["second"]
    assert first["reached"] == again["reached"]


def test_another_configuration_or_another_run_gets_a_model_of_its_own(made: list[int]) -> None:
    probes.PROBES["todo7"](student(1), inputs, 7)
    report = probes.PROBES["todo8"](student(3), inputs, 7)
    assert made == [1, 3, 3]
    rows = through_the_wire(report)["first"]["before"].parameters()
    assert {shape for name, (shape, _) in rows.items() if "lora_A" in name} == {(3, inputs.width_of(7, "first"))}
    probes.PROBES["todo7"](student(1), inputs, 7)
    probes.PROBES["todo8"](student(1), inputs, 8)
    assert made == [1, 3, 3, 1, 1, 1]


def test_a_configuration_that_makes_no_lora_leaves_no_model(made: list[int]) -> None:
    notebook = student(1) | {"make_lora_config": lambda: LoraConfig(r=1, target_modules=["nowhere"])}
    assert probes.PROBES["todo7"](notebook, inputs, 7)["peft_error"] is not None
    assert not probes_peft.MADE
