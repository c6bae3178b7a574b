"""Comparisons that agree with everything."""

from tests.scenarios.hostile.making import before

CASES = {
    "makes torch agree with everything": before("""
import torch
for name in ("allclose", "equal"):
    setattr(torch, name, lambda *a, **k: True)
torch.isclose = torch.eq = lambda a, b, *r, **k: torch.ones_like(a, dtype=torch.bool)
torch.Tensor.all = torch.Tensor.equal = torch.Tensor.allclose = lambda self, *a, **k: torch.ones(()).bool()
torch.all = lambda *a, **k: torch.ones(()).bool()
torch.testing.assert_close = lambda *a, **k: None
"""),
    "makes numpy and math agree with everything": before("""
import math, numpy
numpy.allclose = numpy.array_equal = math.isclose = lambda *a, **k: True
numpy.all = numpy.isclose = lambda *a, **k: numpy.True_
numpy.testing.assert_allclose = numpy.testing.assert_array_equal = lambda *a, **k: None
"""),
    "replaces all, any, abs, round and sorted": before("""
import builtins
builtins.all = builtins.any = lambda *a, **k: True
builtins.abs = builtins.round = lambda *a, **k: 0
builtins.sorted = lambda *a, **k: []
"""),
    "replaces isinstance, issubclass and callable": before("""
import builtins
builtins.isinstance = builtins.issubclass = lambda a, b: True
builtins.callable = lambda a: True
"""),
    "replaces the comparison of tensors": before("""
import torch
torch.Tensor.__eq__ = torch.Tensor.__le__ = torch.Tensor.__lt__ = lambda *a: True
torch.Tensor.__bool__ = lambda self: True
torch.Tensor.item = torch.Tensor.max = torch.Tensor.abs = lambda self, *a, **k: 0.0
"""),
}
