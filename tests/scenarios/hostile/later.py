"""Acts that are meant to outlive the kernel."""

from tests.scenarios.hostile.making import before

CASES = {
    "leaves a daemon behind": before("""
import subprocess, sys
act = "import os, time\\nos.setsid()\\nwhile True: time.sleep(0.2); open('/tmp/planted-by-daemon', 'a').close()"
subprocess.Popen([sys.executable, "-c", act], start_new_session=True, stdout=subprocess.DEVNULL)
"""),
    "acts at exit": before("""
import atexit, signal, sys
def act(*_):
    open("/tmp/planted-at-exit", "w").close()
atexit.register(act); signal.signal(signal.SIGTERM, act)
sys.exitfunc = act
"""),
    "forks and lives on in the child": before("""
import os
if os.fork() == 0:
    os.setsid()
    import time; time.sleep(3600)
"""),
}
