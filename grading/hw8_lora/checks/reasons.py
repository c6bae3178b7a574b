"""What can be said of a wrong update of TODO 3: a known factor, else the property that it lacks."""

from collections.abc import Iterator
from typing import Any

import torch

from .say import refuse, require

HAND = torch.tensor([[[84.0, -28.0], [18.0, -6.0]]])
"""The update of the example by hand, with a second x."""
BAX = torch.tensor([23., 68., -41., 4., -19., 17., -80., -44., -50., -56., -97., -103.,
                    -59., -96., 84., 47., 97., 73., 56., 32., 77., 77., 28., 28.]).reshape(2, 3, 4)  # fmt: skip
"""B A x for r = 3, worked out beforehand, before scaling."""
FACTORS = (
    (0, "the output did not change: modify `output` in place or return the new value"),
    (1, "the scaling alpha / r is missing"),
    (7, "the update is r times what it should be: is the division by r missing, or undone?"),
    (1 / 3, "the scaling lacks lora_alpha: the update is divided by r alone"),
    (3 / 7, "the scaling is upside down (r / alpha)"),
    (7 / 3**0.5, "the scaling divides by sqrt(r) (rsLoRA); it must be alpha / r"),
    (2, "the scaling alpha / r is rounded down to a whole number: use `/`, neither `//` nor int()"),
    (3, "the scaling alpha / r is rounded up to a whole number"),
    (49 / 9, "the scaling alpha / r is applied twice"),
    (14 / 3, "the update is added twice"),
    (7 / 6, "the update is halved"),
    (-7 / 3, "the sign is wrong: the update must be added"),
    (-1, "the sign is wrong, and the scaling alpha / r is missing"),
    (4, "the scaling is alpha - r; it must be alpha / r"),
    (10, "the scaling is alpha + r; it must be alpha / r"),
    (7 / 4, "the scaling divides by r + 1; it must be alpha / r"),
    (10 / 3, "the scaling is 1 + alpha / r: the update is also added once unscaled"),
    (21, "the update is multiplied by r instead of divided"),
    (7 / 9, "the update is divided by r twice"),
    (7 / 5, "the update is divided by the number of inputs instead of r"),
)
"""What B A x is multiplied by, for r = 3 and alpha = 7 -> what happened, in the words of ``mistakes_factor``."""
Case = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]
"""A, B, x and the right update."""


def explain_ratio(todo: int, got: torch.Tensor, right: torch.Tensor) -> None:
    """Name the mistake when the update is a constant times the right one."""
    ratio = (got * right).sum().item() / (right * right).sum().item()
    if torch.allclose(got, ratio * right, atol=1e-2):
        found = next((text for value, text in FACTORS if abs(7 / 3 * ratio - value) < 2e-3),
                     f"the update is {ratio:.3g} times what it should be; look at the scaling")  # fmt: skip
        refuse(f"TODO {todo}, r=3, alpha=7: {found}")


def explain_update(hooked: Any, case: Case, got: torch.Tensor, small_is_right: bool) -> None:
    """Name the mistake when the update has wrong entries."""
    *_, x, right = case
    where = f"TODO {hooked.todo}, r=3, alpha=7, x {tuple(x.shape)}: "
    for holds, words in properties(hooked, case, got):
        require(holds, where + words)
    rank = "right for r=1 but wrong for r=3: are the r parts mixed or summed too early? " if small_is_right else ""
    error = (got - right).abs().max().item()
    refuse(f"{where}{rank}Wrong update, largest error {error:.3g}; work the example by hand through your code")


def properties(hooked: Any, case: Case, got: torch.Tensor) -> Iterator[tuple[bool, str]]:
    """(whether it holds, what its failure means), the most telling property of an update first."""
    a, b, x, right = case

    def agree(update: torch.Tensor, x: torch.Tensor, scale_a: int = 1, scale_b: int = 1) -> bool:
        hooked.fill(scale_a * a, scale_b * b)
        found = torch.allclose(update, hooked.added(x), atol=1e-2)
        hooked.fill(a, b)
        return found

    yield not torch.allclose(got + hooked.plain(x), right, atol=1e-2), "W0 x is gone: add the update to `output`"
    yield agree(0 * got, 0 * x), ("for x = 0 the update should be 0 and is not: is `output` multiplied, or is "
                                  "something else added once more, the bias or `output` itself?")  # fmt: skip
    yield not agree(got, x, 2, -3), ("the update does not use the current A and B (computed once when attaching?): "
                                     "compute it inside the hook from layer.lora_A and layer.lora_B")  # fmt: skip
    yield agree(got[-1:], x[-1:]), ("a sentence's update changes with its neighbours: is it averaged or summed over "
                                    "the batch, or taken from its first sentence only?")  # fmt: skip
    yield agree(got[:, :1], x[:, :1]), ("a token's update changes with its neighbours: is it averaged or summed over "
                                        "the sequence, or added to one token only?")  # fmt: skip
    yield agree(-2 * got, -2 * x), ("the update of -2x is not -2 times the update of x: LoRA has no activation "
                                    "function and no normalisation between A and B")  # fmt: skip
