#include "walk.h"

void walk_baseline(const struct accelerator_forest *forest, const float *values, int64_t stride,
                   int64_t rows, float *sums) {
    walk(forest, values, stride, rows, sums);
}
