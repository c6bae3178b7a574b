"""Grade Jupyter homework: observe in a sandboxed kernel, judge in a trusted process."""

__version__ = "0.1.0"
