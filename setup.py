"""Builds the C extensions: every `_name.c` inside pipeline/ becomes the module beside it."""

import os
import sys
from pathlib import Path

from setuptools import Extension, setup

ROOT = Path(__file__).parent
SOURCES = sorted(path.relative_to(ROOT) for path in ROOT.glob("pipeline/**/_*.c"))
FLAGS = [] if sys.platform == "win32" else ["-O3", "-std=c11", "-fno-math-errno"]

setup(
    # One takes as long to compile as all the others together.
    options={"build_ext": {"parallel": os.cpu_count() or 1}},
    ext_modules=[
        Extension(
            ".".join(source.with_suffix("").parts),
            [str(source)],
            depends=[str(header) for header in sorted(source.parent.glob("*.h"))],
            extra_compile_args=FLAGS,
        )
        for source in SOURCES
    ],
)
