/* A training step's row-wise parts with 512-bit vectors. See fused_module.h. */
#define _GNU_SOURCE
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#define NAME "_fused512"
#define INIT PyInit__fused512
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,fma,avx2,f16c")
#include <immintrin.h>
#define AVX512
#define INSTRUCTIONS "avx512"
#else
#define INSTRUCTIONS "none"
#endif
#include "fused_module.h"
