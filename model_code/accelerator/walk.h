/* The walk of rows through trees, for any instruction set: walk_*.c include it. */
#include "forest.h"

#define INLINE static inline __attribute__((always_inline))

/* The splits of a complete tree are numbered from 1 at the root; 2k and 2k + 1 are the children of
 * k, and beyond the last level they are leaves. `depth` and `lanes` are constants wherever this is called: the loops vanish, and the walks of
 * the lanes hide each other's waiting for memory. */
INLINE void walk_complete(const struct accelerator_forest *forest, const struct tree *tree,
                          uint32_t depth, int lanes, const float *values, float *sums) {
    const struct split *splits = forest->splits + tree->splits;
    const float *leaves = forest->leaves + tree->leaves;
    uint32_t at[LANES];
    for (int lane = 0; lane < lanes; lane++) {
        at[lane] = 1;
    }
#pragma clang loop unroll(full)
    for (uint32_t level = 0; level < depth; level++) {
#pragma clang loop unroll(full) vectorize(disable)
        for (int lane = 0; lane < lanes; lane++) {
            const struct split *split = splits + at[lane];
            at[lane] = 2 * at[lane] + !(values[split->offset + lane] < split->threshold);
        }
    }
    for (int lane = 0; lane < lanes; lane++) {
        sums[lane] += leaves[at[lane] - (1u << depth)];
    }
}

INLINE void walk_nodes(const struct accelerator_forest *forest, const struct tree *tree, int lanes,
                       const float *values, float *sums) {
    const struct node *nodes = forest->nodes;
    uint32_t at[LANES];
    for (int lane = 0; lane < lanes; lane++) {
        at[lane] = tree->splits;
    }
    for (uint32_t level = 0; level < tree->depth; level++) {
        uint32_t moved = 0;
#pragma clang loop unroll(full) vectorize(disable)
        for (int lane = 0; lane < lanes; lane++) {
            const struct node *node = nodes + at[lane];
            const uint32_t next = node->left + !(values[node->offset + lane] < node->threshold);
            moved |= next ^ at[lane];
            at[lane] = next;
        }
        if (moved == 0) {
            break;
        }
    }
    for (int lane = 0; lane < lanes; lane++) {
        sums[lane] += nodes[at[lane]].leaf;
    }
}

INLINE void walk_tree(const struct accelerator_forest *forest, const struct tree *tree, int lanes,
                      const float *values, float *sums) {
    switch (tree->complete ? tree->depth : UINT32_MAX) {
    case 1: walk_complete(forest, tree, 1, lanes, values, sums); break;
    case 2: walk_complete(forest, tree, 2, lanes, values, sums); break;
    case 3: walk_complete(forest, tree, 3, lanes, values, sums); break;
    case 4: walk_complete(forest, tree, 4, lanes, values, sums); break;
    case 5: walk_complete(forest, tree, 5, lanes, values, sums); break;
    case 6: walk_complete(forest, tree, 6, lanes, values, sums); break;
    case 7: walk_complete(forest, tree, 7, lanes, values, sums); break;
    case 8: walk_complete(forest, tree, 8, lanes, values, sums); break;
    default: walk_nodes(forest, tree, lanes, values, sums);
    }
}

INLINE void walk(const struct accelerator_forest *forest, const float *values, int64_t stride,
                 int64_t rows, float *sums) {
    const struct tree *end = forest->trees + forest->count;
    for (const struct tree *tree = forest->trees; tree < end; tree++) {
        float *group = sums + (int64_t)tree->group * BLOCK;
        int64_t row = 0;
        const float *vector = values;
        for (; row + LANES <= rows; row += LANES, vector += stride) {
            walk_tree(forest, tree, LANES, vector, group + row);
        }
        for (int lane = 0; row < rows; row++, lane++) {
            walk_tree(forest, tree, 1, vector + lane, group + row);
        }
    }
}
