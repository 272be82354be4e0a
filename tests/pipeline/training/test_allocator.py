"""Freed memory stays in the process."""

import ctypes
import platform

from pipeline.training.allocator import keep_freed_memory


def test_glibc_agrees_and_others_are_left_alone():
    has_mallopt = platform.system() == "Linux" and hasattr(ctypes.CDLL(None), "mallopt")
    assert keep_freed_memory() == has_mallopt
