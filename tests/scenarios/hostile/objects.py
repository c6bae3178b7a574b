"""Objects that agree with everything, returned or raised."""

from tests.scenarios.hostile.making import called

YES = """
class Yes:
    def __getattr__(self, name): return self
    def __call__(self, *a, **k): return self
    def __getitem__(self, key): return self
    def __iter__(self): return iter([self, self])
    def __len__(self): return 2
    def __bool__(self): return True
    def __index__(self): return 1
    def __float__(self): return 1.0
    def __repr__(self): return "[True]"
    def __hash__(self): return 1
    __int__ = __index__
    for _name in ("eq", "lt", "le", "gt", "ge", "contains", "instancecheck", "subclasscheck"):
        locals()[f"__{_name}__"] = lambda self, *a: True
    for _name in ("add", "radd", "sub", "rsub", "mul", "rmul", "matmul", "rmatmul", "truediv", "abs", "neg"):
        locals()[f"__{_name}__"] = lambda self, *a: self
"""
CASES = {
    "returns an object that agrees with everything": called(YES + "return Yes()"),
    "returns an object that says it is of any class": called(
        YES + "Yes.__class__ = property(lambda self: type(arguments[0]) if arguments else dict)\nreturn Yes()"
    ),
    "returns an object with a __torch_function__ that agrees": called(
        YES
        + """
import torch
Yes.__torch_function__ = classmethod(lambda cls, function, types, args=(), kwargs=None: torch.ones(()).bool())
return Yes()
"""
    ),
    "returns an object that numpy takes for any array": called(
        YES
        + """
import numpy
Yes.__array_priority__ = 1e9
Yes.__array__ = lambda self, *a, **k: numpy.ones(())
Yes.__array_ufunc__ = lambda self, *a, **k: True
return Yes()
"""
    ),
    "returns texts and numbers of classes that are equal to all others": called("""
class Text(str):
    __eq__ = lambda self, other: True
    __hash__ = lambda self: 0
class Number(float):
    __eq__ = __le__ = __ge__ = lambda self, other: True
    __hash__ = lambda self: 0
return [Text("x"), Number(0)]
"""),
    "leaves objects that agree as attributes of its arguments": called(
        YES
        + """
for argument in arguments:
    for name in ("lora_A", "lora_B", "result", "value"):
        try:
            object.__setattr__(argument, name, Yes())
        except Exception:
            pass
return Yes()
"""
    ),
    "raises an exception whose text and traceback answer back": called("""
class Evil(Exception):
    def __str__(self):
        raise SystemExit
    def __getattribute__(self, name):
        return None if name.startswith("__trace") else object.__getattribute__(self, name)
raise Evil()
"""),
}
