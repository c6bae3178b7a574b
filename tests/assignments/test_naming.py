"""Parameters in words, and a TODO 8 that nobody could observe."""

import pytest
from hw8_lora import probes_peft
from hw8_lora.naming import in_words

from tests.builders import observe_in_process


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ({"score.weight"}, "the head (`score.weight`)"),
        ({f"transformer.h.{i}.attn.c_attn.bias" for i in range(12)}, "`attn.c_attn.bias` of all 12 blocks"),
        ({f"transformer.h.{i}.ln_1.{k}" for i in (0, 1, 2) for k in ("weight", "bias")}, "`ln_1` of blocks 0 to 2"),
        ({"transformer.h.3.ln_1.bias", "score.weight"}, "`ln_1.bias` of block 3 and the head (`score.weight`)"),
        (set(), ""),
    ],
)  # fmt: skip
def test_parameters_are_told_by_layers_and_blocks(names: set[str], words: str) -> None:
    assert in_words(names) == words


def test_todo8_is_nobodys_mistake_where_no_peft_model_can_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **keywords: object) -> None:
        raise RuntimeError("PEFT fails here")

    monkeypatch.setattr(probes_peft, "get_peft_model", refuse)
    with pytest.raises(RuntimeError, match="no PEFT model could be made"):
        observe_in_process({}, 3, only=["todo8"])
