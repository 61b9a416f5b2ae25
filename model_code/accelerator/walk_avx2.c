#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,bmi,bmi2"))), apply_to = function)
#include "walk.h"

void walk_avx2(const struct accelerator_forest *forest, const float *values, int64_t stride,
               int64_t rows, float *sums) {
    walk(forest, values, stride, rows, sums);
}
#pragma clang attribute pop
#endif
