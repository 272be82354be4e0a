#!/bin/sh
# Sets up a virtual environment and says what it does: called by make, see docs/setup.md.
#
#   ./setup.sh . | '.[dev]'       this project and what it needs, into .venv
#   ./setup.sh -r FILE FOLDER     what FILE lists, into FOLDER
#
# PYTHON        the interpreter (default: the first of python3.11 … python3 that is 3.11 or newer)
# TORCH_INDEX   an index of packages from which torch alone is taken, with its own builds
#
# With uv where it is on the PATH (a minute), else with pip.
set -eu

say() { echo "setup: $*"; }
fail() { echo "setup: $*" >&2; exit 1; }
recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

python=${PYTHON:-}
if [ -n "$python" ]; then
    command -v "$python" >/dev/null || fail "PYTHON=$python is not there"
    recent "$python" || fail "PYTHON=$python is no Python 3.11 or newer"
else
    for name in python3.11 python3.12 python3.13 python3; do
        if command -v "$name" >/dev/null && recent "$name"; then python=$name; break; fi
    done
    [ -n "$python" ] || fail "no Python 3.11 or newer on the PATH: install one, or set PYTHON=…"
fi

requirements=
if [ "$1" = -r ]; then requirements=$2; place=$3; else wanted=$1; place=.venv; fi
uv=$(command -v uv || true)

if [ -z "$requirements" ]; then
    "$python" -c 'import os, sys, sysconfig
sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' ||
        fail "Python's headers are missing: install python3-dev (Debian) or python3-devel (Fedora)"
    for compiler in "${CC:-cc}" "${CXX:-c++}"; do  # ours are in C, fastText's are in C++
        command -v "${compiler%% *}" >/dev/null ||
            fail "no compiler ${compiler%% *}: install gcc and g++ or clang, or set CC and CXX"
    done
fi

if [ -x "$place/bin/python" ]; then
    say "$place is there"
elif [ -n "$uv" ]; then
    say "a virtual environment in $place ($("$python" --version), by uv)"
    "$uv" venv --quiet --seed --python "$python" "$place"
else
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "Python's module venv is missing: install python3-venv (Debian), or uv"
    say "a virtual environment in $place ($("$python" --version))"
    "$python" -m venv "$place"
fi

# pip and uv take the same options; both show what they download.
if [ -n "$uv" ]; then
    install() { "$uv" pip install --python "$place/bin/python" "$@"; }
else
    # As uv: not all 27,000 files are compiled, most of which are never imported (see below).
    install() { "$place/bin/python" -m pip install --disable-pip-version-check --no-compile "$@"; }
fi

if [ -n "$requirements" ]; then
    say "what $requirements lists, into $place (minutes)"
    install -r "$requirements"
    exit
fi
if [ -n "${TORCH_INDEX:-}" ]; then
    # From there torch alone: such an index holds other packages too, in versions of its own.
    say "torch, from TORCH_INDEX"
    install --index-url "$TORCH_INDEX" --no-deps "$(grep '^torch==' constraints.txt)"
fi
say "about 200 packages, in the versions of constraints.txt; minutes, and with CUDA 3 GB to download"
say "then this project's extensions in C"
install -c constraints.txt -e "$wanted"
# Where bytecode may not be written later (PYTHONDONTWRITEBYTECODE, another user's folder), each of
# a run's processes would compile torch and Prefect anew: four seconds of work a process. Prefect
# makes its home when imported: not the user's.
say "bytecode of what is imported"
(unset PYTHONDONTWRITEBYTECODE && PREFECT_HOME=$place "$place/bin/python" -P - <<'END'
import contextlib, importlib, pkgutil, warnings
import flows, pipeline, storage
warnings.simplefilter("ignore")
names = ["prefect.server.api.server", "torch.nn.functional"]
for package in (storage, pipeline, flows):
    found = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    names += [module.name for module in found if not module.name.endswith("__main__")]
for name in names:
    with contextlib.suppress(Exception):  # what is optional may be missing
        importlib.import_module(name)
END
)
say "done: $place/bin/crawl2chat"
