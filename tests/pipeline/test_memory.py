import os
import resource

from pipeline.memory import peak_bytes

MIB = 1 << 20


def test_the_peak_of_this_process_and_of_an_ended_one_are_in_bytes():
    child = os.fork()
    if child == 0:
        held = bytearray(64 * MIB)
        held[::4096] = b"x" * len(held[::4096])  # each page is touched
        os._exit(0)
    _, _, usage = os.wait4(child, 0)
    assert 64 * MIB < peak_bytes(usage) < 64_000 * MIB
    assert peak_bytes() == peak_bytes(resource.getrusage(resource.RUSAGE_SELF)) > 10 * MIB
