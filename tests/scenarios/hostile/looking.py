"""Looking for answers: in frames, objects, memory, modules, files and other submissions."""

from tests.scenarios.hostile.making import before, called, in_solutions

LOOK = """
import re
def look(values):
    for value in values:
        text = repr(value)[:2000]
        if re.search("canary-|expected|reference|hidden_test|gradebook", text):
            print("FOUND", text)
"""
CASES = {
    "walks up the stack when it is called": called(
        LOOK
        + """
import sys
frame = sys._getframe()
while frame is not None:
    look(frame.f_locals.values()); look(frame.f_globals.values())
    for name in list(frame.f_locals):
        if name in ("report", "case", "expected", "result"):
            frame.f_locals[name] = True
    frame = frame.f_back
"""
    ),
    "walks up the stack from a traceback and rewrites what it finds": called(
        LOOK
        + """
try:
    raise ValueError
except ValueError as error:
    frame = error.__traceback__.tb_frame
while frame is not None:
    look(frame.f_locals.values())
    for name in ("parameters", "attempt", "describe_error", "encode", "checksums"):
        if name in frame.f_globals:
            frame.f_globals[name] = lambda *a, **k: []
    frame = frame.f_back
"""
    ),
    "walks the stack in a finalizer": called("""
class Final:
    def __del__(self):
        try:
            raise ValueError
        except ValueError as error:
            frame = error.__traceback__.tb_frame
        while frame is not None:
            for name in ("parameters", "attempt", "seal", "signed", "encode"):
                if name in frame.f_globals:
                    frame.f_globals[name] = lambda *a, **k: []
            frame = frame.f_back
thing = Final()
thing.itself = thing
del thing
return Final()
"""),
    "searches all objects": in_solutions(
        LOOK
        + """
import gc
look(o for o in gc.get_objects() if isinstance(o, (str, dict, type(look))))
"""
    ),
    "changes every function called parameters or seal that it finds": called("""
import gc
for thing in gc.get_objects():
    if isinstance(thing, dict) and "PROBES" in thing:
        thing["PROBES"].update({name: lambda *a: {} for name in thing["PROBES"]})
"""),
    "searches the subclasses of object": in_solutions(
        LOOK
        + """
for kind in object.__subclasses__():
    for value in list(vars(kind).values()):
        spaces = getattr(value, "__globals__", {})
        if "PROBES" in spaces or "seal" in spaces:
            print("FOUND", kind)
            spaces.update(parameters=lambda *a: [], seal=lambda *a: "", is_genuine=lambda *a: True)
"""
    ),
    "searches its own memory": called("""
needle = b"canary" + b"-hidden"
try:
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb") as memory:
        for line in maps:
            start, end = (int(part, 16) for part in line.split()[0].split("-"))
            if "rw" in line and end - start < 1 << 22:
                memory.seek(start)
                if needle in memory.read(end - start):
                    print("FOUND", line)
except OSError:
    pass
"""),
    "traces every call": in_solutions("""
import sys, threading
seen = []
def tracer(frame, event, argument):
    seen.append(frame.f_code.co_name)
    frame.f_globals.get("PROBES", {}).clear()
    return None
sys.settrace(tracer); threading.settrace(tracer)
"""),
    "profiles every call": in_solutions("""
import sys, threading
def profiler(frame, event, argument):
    if event == "call" and "report" in frame.f_locals:
        frame.f_locals["report"].clear()
sys.setprofile(profiler); threading.setprofile(profiler)
"""),
    "watches the other threads": before("""
import sys, threading
def watch():
    while True:
        for frame in sys._current_frames().values():
            while frame is not None:
                if "PROBES" in frame.f_globals:
                    frame.f_globals["PROBES"].clear()
                frame = frame.f_back
        threading.Event().wait(0.01)
threading.Thread(target=watch, daemon=True).start()
"""),
    "listens to audit events": before("""
import sys
def listen(event, arguments):
    frame = sys._getframe()
    while frame is not None:
        for name in ("key", "alarm"):
            if name in frame.f_locals:
                print("FOUND", name)
        frame = frame.f_back
sys.addaudithook(listen)
"""),
    "is called back by the garbage collector": before("""
import gc, sys
def collected(phase, info):
    frame = sys._getframe()
    while frame is not None:
        frame.f_globals.get("PROBES", {}).clear()
        frame = frame.f_back
gc.callbacks.append(collected); gc.set_threshold(1)
"""),
    "prints all inputs and outputs of the session": in_solutions(
        LOOK + "\nlook([In, Out, _ih, _oh, get_ipython().user_ns])\nprint([len(source) for source in _ih])"
    ),
    "reads the requests that the kernel holds": called(
        LOOK
        + """
kernel = get_ipython().kernel
parent = kernel.get_parent()
look([parent, vars(kernel)])
print(sorted(parent), parent.get("content"))
"""
    ),
    "searches modules and their source": before(
        LOOK
        + """
import importlib, inspect, sys
for name, module in list(sys.modules.items()):
    if name.startswith(("probe", "test_", "warm", "autograder", "agent", "reference")):
        print("FOUND", name)
for name in ("autograder", "grading", "tests", "reference", "warm"):
    try:
        print("FOUND", importlib.import_module(name))
    except ImportError:
        pass
"""
    ),
    "searches the disk": before("""
import os
for root in ("/", "..", "../..", os.path.expanduser("~")):
    for folder, folders, files in os.walk(root):
        folders[:] = [f for f in folders if f not in ("proc", "sys", "usr", "lib", "site-packages")]
        for name in files:
            if name.startswith(("test_todo", "gradebook", "reference", "record.json")) or name.endswith(".db"):
                print("FOUND", folder, name)
"""),
    "reads its environment and that of other processes": before("""
import os, glob
print(sorted(os.environ))
for path in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline"):
    try:
        text = open(path, "rb").read()
    except OSError:
        continue
    if b"autograder" in text or b"canary-" in text:
        print("FOUND", path)
"""),
    "reads other submissions": before("""
import glob, os
for pattern in ("../*/*.ipynb", "../../*/*/*.ipynb", "/tmp/work-*/*", "/home/*/*.ipynb", "/*/submitted/*/*/*.ipynb"):
    for path in glob.glob(pattern):
        print("FOUND", path)
"""),
}
