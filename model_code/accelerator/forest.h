/* How a forest lies in memory, between forest.c, which lays it out, and the kernels that walk it. */
#ifndef FOREST_H
#define FOREST_H

#include <stdint.h>

enum {
    LANES = 16,         /* rows that walk through a tree side by side */
    BLOCK = 64,         /* rows that a tree is walked by before the next one, while it is in cache */
    COMPLETE_DEPTH = 8, /* trees up to this depth may be laid out as complete ones */
};

/* Rows lie in a block feature by feature, LANES to the vector. Each feature stands there twice, with
 * missing values as -infinity and as +infinity: `value < threshold` then sends a missing value left
 * through the first and right through the second, and a split picks one by its default direction.
 */
struct split {
    float threshold;
    uint32_t offset; /* of the feature's lanes, in floats */
};

/* A node of a tree that is laid out as it is. A leaf's threshold is NaN, which no value is less than,
 * and its right neighbour is itself: a row that has arrived stays.
 */
struct node {
    float threshold;
    uint32_t offset;
    uint32_t left; /* the right child follows */
    float leaf;
};

struct tree {
    uint32_t group;
    uint32_t depth;
    uint32_t complete; /* 1: splits and leaves; 0: nodes */
    uint32_t splits;   /* index of the first split, or node */
    uint32_t leaves;   /* index of the first leaf */
};

struct accelerator_forest {
    int64_t features;
    int64_t groups;
    int64_t count;
    int32_t transform;
    struct tree *trees;
    struct split *splits;
    float *leaves;
    struct node *nodes;
    float *base; /* per group */
};

/* Add each tree's leaf to the sums of `rows` rows, in the order of the trees.
 *
 * `values` holds vectors of LANES rows, `stride` floats each; `sums` BLOCK floats per group.
 */
typedef void kernel(const struct accelerator_forest *forest, const float *values, int64_t stride,
                    int64_t rows, float *sums);

kernel walk_baseline;
#if defined(__x86_64__)
kernel walk_avx2;
kernel walk_avx512;
#endif

#endif
