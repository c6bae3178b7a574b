"""Figures and the table of results: colours that the colour-blind can tell apart, and a text alternative each."""

import base64
import io
import math
from typing import Any

from . import settings

COLOURS = {"head": "#6b6b6b", "attention": "#b34700", "lora": "#0072b2", "peft": "#00795a"}
MARKERS = {"head": "s", "attention": "^", "lora": "o", "peft": "x"}
Runs = dict[str, dict[str, Any]]
LORA_ALT = (
    "LoRA: the input x goes two ways. Above, through the frozen weight W0. Below, through the thin matrix A down to r "
    "numbers, then through B up again, then times alpha over r. The two results are added to give h."
)
LORA_SVG = """<svg xmlns="http://www.w3.org/2000/svg" width="640" height="240" font-family="sans-serif" font-size="16">
<rect width="640" height="240" rx="10" fill="white"/>
<defs><marker id="a" markerWidth="9" markerHeight="9" refX="7" refY="4" orient="auto"><path d="M0 0L8 4L0 8z"/>
</marker></defs><g fill="none" stroke="black" stroke-width="2" marker-end="url(#a)"><path d="M70 110V60H178"/>
<path d="M70 110V180H178"/><path d="M420 60H540V98"/><path d="M255 180H343"/><path d="M420 180H540V126"/>
<path d="M556 112H600"/></g>
<rect x="180" y="20" width="240" height="80" fill="#d9d9d9" stroke="black"/>
<text x="300" y="56" text-anchor="middle">W₀, frozen</text>
<text x="300" y="78" text-anchor="middle" font-size="16">m &#215; n = 2304 &#215; 768</text>
<path d="M180 130L255 165V195L180 230Z" fill="#e69f00" stroke="black"/><text x="208" y="186">A</text>
<path d="M420 130L345 165V195L420 230Z" fill="#56b4e9" stroke="black"/><text x="380" y="186">B</text>
<text x="300" y="172" text-anchor="middle" font-size="16">r numbers</text>
<text x="222" y="122" font-size="16" text-anchor="middle">trained, r &#215; n</text>
<text x="378" y="122" font-size="16" text-anchor="middle">trained, m &#215; r</text>
<text x="480" y="172" text-anchor="middle">times &#945;/r</text>
<circle cx="540" cy="112" r="14" fill="white" stroke="black"/>
<text x="540" y="118" text-anchor="middle">+</text><text x="50" y="116">x</text><text x="606" y="118">h</text></svg>"""


def draw_lora() -> None:
    """Show the two ways of the input."""
    if not settings.SMOKE:
        show_image("svg+xml", LORA_SVG.encode(), LORA_ALT)


def show_image(kind: str, data: bytes, alt: str) -> None:
    """Show an image with its text alternative."""
    from IPython.display import HTML, display

    encoded = base64.b64encode(data).decode()
    display(HTML(f'<img alt="{alt}" src="data:image/{kind};base64,{encoded}">'))


def new_figure(rows: int, height: float) -> tuple[Any, Any]:
    """A figure on white, narrow enough for a window of 600 pixels, with its axes one below the other."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, height), layout="constrained", facecolor="white")
    return figure, figure.subplots(rows, 1)


def show(figure: Any, alt: str) -> None:
    """Show the figure with its text alternative."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=100)
    show_image("png", file.getvalue(), alt)


def draw_sizes(runs: Runs) -> None:
    """Show how many parameters each method trained."""
    figure, axis = new_figure(1, 2.4)
    counts = {method: numbers["parameters"] for method, numbers in runs.items()}
    bars = axis.barh(list(counts), counts.values(), color=[COLOURS.get(m, "black") for m in counts])
    axis.bar_label(bars, [f"{n:,}" for n in counts.values()], padding=4)
    axis.set(xscale="log", xlabel="trained parameters (log scale)", xlim=(100, 200 * max(counts.values())))
    axis.invert_yaxis()
    show(figure, "Bar chart of trained parameters: " + ", ".join(f"{m} {n:,}" for m, n in counts.items()))


def draw_epochs(runs: Runs) -> None:
    """Show loss and validation accuracy over the epochs."""
    figure, axes = new_figure(2, 5.6)
    for axis, key, label in zip(axes, ("loss", "validation"), ("training loss", "validation accuracy"), strict=True):
        for method, numbers in runs.items():
            epochs = range(1, len(numbers[key]) + 1)
            axis.plot(epochs, numbers[key], color=COLOURS.get(method, "black"), marker=MARKERS.get(method, "."),
                      label=method)  # fmt: skip
        axis.set(xlabel="epoch", ylabel=label, xticks=range(1, settings.EPOCHS + 1))
        axis.grid(color="#949494", linewidth=0.5)
    axes[0].legend()
    best = ", ".join(f"{m} {max(numbers['validation']):.3f}" for m, numbers in runs.items())
    show(figure, f"Two line charts over the epochs: training loss, and validation accuracy, which is at best {best}")


def human(n_bytes: float) -> str:
    """A size in bytes, kB or MB."""
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes >= 1e6 else f"{n_bytes / 1e3:.1f} kB"


def memory(numbers: dict[str, Any]) -> str:
    """The peak memory of a run; it is measured on a GPU only."""
    return human(numbers["peak_bytes"]) if numbers.get("peak_bytes") else "-"


def row(numbers: dict[str, Any], test_size: int) -> tuple[str, ...]:
    """A run's line of the table."""
    n, p = numbers["parameters"], numbers["test"]
    error = math.sqrt(p * (1 - p) / test_size)
    test = f"{p:.3f} ± {error:.3f}"
    return f"{n:,}", human(8 * n), human(4 * n), f"{numbers['seconds']:.1f}", memory(numbers), test


def show_table(runs: Runs, test_size: int) -> None:
    """Show one line for each method that was tested."""
    import pandas
    from IPython.display import display

    columns = ("trained", "AdamW state", "to store", "time (s)", "peak", "test accuracy")
    tested = {method: numbers for method, numbers in runs.items() if "test" in numbers}
    rows = [row(numbers, test_size) for numbers in tested.values()]
    table = pandas.DataFrame(rows, index=list(tested), columns=columns)
    display(table.style.set_caption("Table 2: what each method trains, keeps and reaches"))
