"""Memory of the C library, seen from outside: how many heaps a process has after its threads have worked."""

from __future__ import annotations

import subprocess
import sys

import pytest

_WORK = """
import ctypes, sys, tempfile, threading
from pathlib import Path
from device.services.memory import use_one_heap

if sys.argv[1] == "one":
    use_one_heap()
begun = threading.Barrier(4)

def work():
    begun.wait()
    for _ in range(50):
        [bytearray(5000) for _ in range(100)]

threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
path = tempfile.mktemp()
file = ctypes.c_void_p(libc.fopen(path.encode(), b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
print(Path(path).read_text().count("<heap nr"))
Path(path).unlink()
"""


def _heaps(kind: str) -> int:
    done = subprocess.run([sys.executable, "-c", _WORK, kind], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="of glibc")
def test_threads_share_one_heap() -> None:
    assert _heaps("own") > 1
    assert _heaps("one") == 1
