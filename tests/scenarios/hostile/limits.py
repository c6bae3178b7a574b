"""Resources: without end, without bound, or not theirs."""

from tests.scenarios.hostile.making import before, called

CASES = {
    "bombs with forks": before("import os\nwhile True:\n    os.fork()"),
    "takes all memory": before("hog = []\nwhile True:\n    hog.append(bytearray(b'x') * (1 << 27))"),
    "fills the disk": before("with open('fill', 'wb') as file:\n    while True:\n        file.write(bytes(1 << 22))"),
    "floods its output": before("for number in range(20000):\n    print('x' * 1000)"),
    "loops for ever in a cell": before("while True:\n    pass"),
    "loops for ever in its functions": called("while True:\n    pass"),
    "loops for ever and ignores interrupts": called(
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass"
    ),
    "leaves with os._exit": called("import os; os._exit(0)"),
    "leaves with os._exit in a cell": before("import os; os._exit(0)"),
    "crashes the interpreter": called("import ctypes; ctypes.string_at(0)"),
    "kills itself": called("import os; os.kill(os.getpid(), 9)"),
    "kills everybody it can": before(
        "import os\nfor pid in range(1, 400):\n    try: os.kill(pid, 9)\n    except OSError: pass"
    ),
    "waits for input": called("input('password: ')"),
    "recurses without end": called("import sys; sys.setrecursionlimit(10**9)\ndef down(): down()\ndown()"),
    "leaves with exit and quit": before("import sys\nexit()\nquit()\nsys.exit(0)"),
    "returns more than anybody can read": called("import torch\nreturn [torch.zeros(5000, 5000)] * 50"),
    "connects to the network": before("""
import socket, urllib.request
for address in (("127.0.0.1", 22), ("1.1.1.1", 53), ("169.254.169.254", 80)):
    try:
        socket.create_connection(address, timeout=0.5)
        print("FOUND", address)
    except OSError:
        pass
"""),
}
