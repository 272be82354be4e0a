/* A training step's row-wise parts with 256-bit vectors. See fused_module.h. */
#define _GNU_SOURCE
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#define NAME "_fused256"
#define INIT PyInit__fused256
#define LANES 8
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC target("avx2,fma,f16c")
#include <immintrin.h>
#define AVX2
#define INSTRUCTIONS "avx2"
#else
#define INSTRUCTIONS "none"
#endif
#include "fused_module.h"
