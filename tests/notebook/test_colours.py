"""The colours of the figures can be told from the white behind them."""

import pytest
from hw8_lora.lab.figures import COLOURS


def luminance(colour):
    """Return the relative luminance of a colour, as WCAG defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(colour, other="#ffffff"):
    """Return the contrast ratio of two colours."""
    light, dark = sorted((luminance(colour), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("colour", COLOURS.values(), ids=COLOURS)
def test_a_method_s_colour_has_enough_contrast_for_text(colour):
    assert contrast(colour) >= 4.5


def test_each_method_has_a_colour_and_a_pale_one_would_be_found():
    assert len(COLOURS) == 4
    assert contrast("#999999") < 3
