/* Forests of decision trees: laid out for speed, and asked with XGBoost's own arithmetic. */
#include "forest.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "accelerator.h"

/* A complete tree may have this many times the leaves that the tree has: beyond it, the cache holds
 * more of the tree as it is. */
enum { LARGEST_GROWTH = 4, LARGEST_DEPTH = 4096 };

/* A tree's nodes from the root downwards, and the level of each. */
struct order {
    int32_t *node;
    int32_t *level;
    int64_t count;
    int32_t depth;
    int64_t leaves;
};

/* Returns false if the tree is malformed: a child out of range, a node reached twice, a threshold
 * that is no number, a right child that XGBoost would not find next to the left one. */
static bool order_tree(const struct accelerator_trees *trees, int64_t first, int64_t size,
                       struct order *order) {
    order->node[0] = 0;
    order->level[0] = 0;
    order->count = 1;
    order->depth = 0;
    order->leaves = 0;
    for (int64_t next = 0; next < order->count; next++) {
        const int64_t at = first + order->node[next];
        const int32_t left = trees->left[at];
        const int32_t right = trees->right[at];
        if (!isfinite(trees->value[at])) {
            return false;
        }
        if (left == -1) {
            order->leaves++;
            continue;
        }
        if (left <= 0 || left >= size - 1 || right != left + 1 || order->count + 2 > size ||
            trees->feature[at] < 0 || trees->feature[at] >= trees->features) {
            return false;
        }
        const int32_t level = order->level[next] + 1;
        if (level > LARGEST_DEPTH) {
            return false;
        }
        order->depth = level;
        for (int32_t child = 0; child < 2; child++) {
            order->node[order->count] = left + child;
            order->level[order->count] = level;
            order->count++;
        }
    }
    return true;
}

static uint32_t offset_of(const struct accelerator_trees *trees, int64_t at) {
    return (uint32_t)(2 * trees->feature[at] + !trees->default_left[at]) * LANES;
}

/* A leaf above the last level is continued downwards: all below it holds its value. */
static void lay_out_complete(const struct accelerator_trees *trees, int64_t first, uint32_t depth,
                             struct split *splits, float *leaves) {
    int32_t of_position[2 << COMPLETE_DEPTH];
    const uint32_t width = 1u << depth;
    of_position[1] = 0;
    for (uint32_t position = 1; position < width; position++) {
        const int32_t node = of_position[position];
        const int32_t left = trees->left[first + node];
        struct split *split = splits + position;
        if (left == -1) {
            *split = (struct split){.threshold = 0.0f, .offset = 0};
            of_position[2 * position] = node;
            of_position[2 * position + 1] = node;
        } else {
            split->threshold = trees->value[first + node];
            split->offset = offset_of(trees, first + node);
            of_position[2 * position] = left;
            of_position[2 * position + 1] = left + 1;
        }
    }
    for (uint32_t leaf = 0; leaf < width; leaf++) {
        leaves[leaf] = trees->value[first + of_position[width + leaf]];
    }
}

/* Breadth first: the children of the nodes are next to each other, in the order of the nodes. */
static void lay_out_nodes(const struct accelerator_trees *trees, int64_t first,
                          const struct order *order, uint32_t start, struct node *nodes) {
    uint32_t children = start + 1;
    for (int64_t next = 0; next < order->count; next++) {
        const int64_t at = first + order->node[next];
        struct node *node = nodes + start + next;
        if (trees->left[at] == -1) {
            node->threshold = NAN;
            node->offset = 0;
            node->left = start + (uint32_t)next - 1;
            node->leaf = trees->value[at];
        } else {
            node->threshold = trees->value[at];
            node->offset = offset_of(trees, at);
            node->left = children;
            node->leaf = 0.0f;
            children += 2;
        }
    }
}

static bool lay_out(const struct accelerator_trees *trees, struct accelerator_forest *forest,
                    struct order *order) {
    uint64_t splits = 0;
    uint64_t leaves = 0;
    uint64_t nodes = 0;
    /* The first pass counts, the second writes. */
    for (int writing = 0; writing < 2; writing++) {
        splits = leaves = nodes = 0;
        for (int64_t index = 0; index < trees->count; index++) {
            const int64_t first = trees->offsets[index];
            if (!order_tree(trees, first, trees->offsets[index + 1] - first, order)) {
                return false;
            }
            const uint32_t depth = (uint32_t)order->depth;
            const bool complete = 0 < depth && depth <= COMPLETE_DEPTH &&
                                  (int64_t)1 << depth <= LARGEST_GROWTH * order->leaves;
            if (writing) {
                forest->trees[index] = (struct tree){
                    .group = (uint32_t)trees->group[index],
                    .depth = depth,
                    .complete = complete,
                    .splits = (uint32_t)(complete ? splits : nodes),
                    .leaves = (uint32_t)leaves,
                };
                if (complete) {
                    lay_out_complete(trees, first, depth, forest->splits + splits,
                                     forest->leaves + leaves);
                } else {
                    lay_out_nodes(trees, first, order, (uint32_t)nodes, forest->nodes);
                }
            }
            if (complete) {
                splits += (uint64_t)1 << depth;
                leaves += (uint64_t)1 << depth;
            } else {
                nodes += (uint64_t)order->count;
            }
        }
        if (splits > UINT32_MAX || leaves > UINT32_MAX || nodes > UINT32_MAX) {
            return false;
        }
        if (!writing) {
            forest->splits = malloc((splits + 1) * sizeof *forest->splits);
            forest->leaves = malloc((leaves + 1) * sizeof *forest->leaves);
            forest->nodes = malloc((nodes + 1) * sizeof *forest->nodes);
            if (forest->splits == NULL || forest->leaves == NULL || forest->nodes == NULL) {
                return false;
            }
        }
    }
    return true;
}

/* As XGBoost's objectives turn `base_score` into a margin. */
static float margin_of(float base_score, int32_t link) {
    switch (link) {
    case LINK_LOGIT: {
        const float epsilon = 1e-6f;
        const float above = base_score < epsilon ? epsilon : base_score;
        const float within = 1.0f - epsilon < above ? 1.0f - epsilon : above;
        return -logf(1.0f / within - 1.0f);
    }
    case LINK_LOG: return logf(base_score);
    default: return base_score;
    }
}

static bool is_sane(const struct accelerator_trees *trees) {
    if (trees->count < 0 || trees->features <= 0 || trees->groups <= 0 ||
        trees->features > UINT32_MAX / (2 * LANES) || trees->groups > INT32_MAX / BLOCK) {
        return false;
    }
    for (int64_t index = 0; index < trees->count; index++) {
        if (trees->offsets[index + 1] <= trees->offsets[index] || trees->group[index] < 0 ||
            trees->group[index] >= trees->groups) {
            return false;
        }
    }
    return trees->offsets[0] == 0 && trees->offsets[trees->count] < INT32_MAX;
}

struct accelerator_forest *accelerator_forest_new(const struct accelerator_trees *trees) {
    if (!is_sane(trees)) {
        return NULL;
    }
    struct accelerator_forest *forest = calloc(1, sizeof *forest);
    if (forest == NULL) {
        return NULL;
    }
    const size_t nodes = (size_t)trees->offsets[trees->count];
    struct order order = {
        .node = malloc((nodes + 1) * sizeof(int32_t)),
        .level = malloc((nodes + 1) * sizeof(int32_t)),
    };
    forest->features = trees->features;
    forest->groups = trees->groups;
    forest->count = trees->count;
    forest->transform = trees->transform;
    forest->trees = malloc(((size_t)trees->count + 1) * sizeof *forest->trees);
    forest->base = malloc((size_t)trees->groups * sizeof *forest->base);
    const bool made = order.node != NULL && order.level != NULL && forest->trees != NULL &&
                      forest->base != NULL && lay_out(trees, forest, &order);
    free(order.node);
    free(order.level);
    if (!made) {
        accelerator_forest_free(forest);
        return NULL;
    }
    for (int64_t group = 0; group < trees->groups; group++) {
        forest->base[group] = margin_of(trees->base_score[group], trees->link);
    }
    return forest;
}

void accelerator_forest_free(struct accelerator_forest *forest) {
    if (forest != NULL) {
        free(forest->trees);
        free(forest->splits);
        free(forest->leaves);
        free(forest->nodes);
        free(forest->base);
        free(forest);
    }
}

/* `values` row by row to vectors of LANES rows, each feature twice. */
static void spread(const float *values, int64_t features, int64_t rows, float *vectors) {
    for (int64_t row = 0; row < rows; row++) {
        float *lane = vectors + row / LANES * (2 * LANES * features) + row % LANES;
        for (int64_t feature = 0; feature < features; feature++) {
            const float value = *values++;
            lane[0] = isnan(value) ? -INFINITY : value;
            lane[LANES] = isnan(value) ? INFINITY : value;
            lane += 2 * LANES;
        }
    }
}

/* The arithmetic below is XGBoost's, operation by operation: another order gives other last bits. */
static float sigmoid(float margin) {
    const float limit = 88.7f;
    const float negative = limit < -margin ? limit : -margin;
    return 1.0f / (expf(negative) + 1.0f + 1e-16f);
}

static void softmax(const float *sums, int64_t groups, float *out) {
    float highest = sums[0];
    for (int64_t group = 1; group < groups; group++) {
        highest = fmaxf(sums[group * BLOCK], highest);
    }
    double total = 0.0;
    for (int64_t group = 0; group < groups; group++) {
        out[group] = expf(sums[group * BLOCK] - highest);
        total += out[group];
    }
    for (int64_t group = 0; group < groups; group++) {
        out[group] /= (float)total;
    }
}

static float argmax(const float *sums, int64_t groups) {
    int64_t best = 0;
    for (int64_t group = 1; group < groups; group++) {
        if (sums[group * BLOCK] > sums[best * BLOCK]) {
            best = group;
        }
    }
    return (float)best;
}

static float transformed(float sum, int32_t transform) {
    switch (transform) {
    case TRANSFORM_SIGMOID: return sigmoid(sum);
    case TRANSFORM_EXP: return expf(sum);
    case TRANSFORM_HINGE: return sum > 0.0f ? 1.0f : 0.0f;
    default: return sum;
    }
}

/* Sums group by group to answers row by row. Returns where the next block's answers go. */
static float *answer(const struct accelerator_forest *forest, const float *sums, int64_t rows,
                     float *out) {
    for (int64_t row = 0; row < rows; row++) {
        if (forest->transform == TRANSFORM_SOFTMAX) {
            softmax(sums + row, forest->groups, out);
            out += forest->groups;
        } else if (forest->transform == TRANSFORM_ARGMAX) {
            *out++ = argmax(sums + row, forest->groups);
        } else {
            for (int64_t group = 0; group < forest->groups; group++) {
                *out++ = transformed(sums[group * BLOCK + row], forest->transform);
            }
        }
    }
    return out;
}

#if defined(BASELINE_ONLY)
static kernel *best_kernel(const char **isa) {
    *isa = "baseline";
    return walk_baseline;
}
#elif defined(__x86_64__)
#include <cpuid.h>

static kernel *best_kernel(const char **isa) {
    unsigned a = 0, b = 0, c = 0, d = 0;
    unsigned low = 0, high = 0;
    const bool has_leaf_7 = __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0;
    const unsigned leaf_7 = has_leaf_7 ? b : 0;
    /* The operating system has to save the wide registers as well. */
    if (__get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_OSXSAVE) != 0) {
        __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    }
    if ((low & 0x06) == 0x06 && (leaf_7 & bit_AVX2) != 0) {
        *isa = "avx2";
        return walk_avx2;
    }
    *isa = "sse2";
    return walk_baseline;
}
#elif defined(__aarch64__)
static kernel *best_kernel(const char **isa) {
    *isa = "neon";
    return walk_baseline;
}
#else
#error "the accelerator is for x86_64 and aarch64"
#endif

static kernel *walk_best;
static const char *isa_of_best;

__attribute__((constructor)) static void choose_kernel(void) {
    walk_best = best_kernel(&isa_of_best);
}

int32_t accelerator_abi(void) { return ACCELERATOR_ABI; }

const char *accelerator_isa(void) { return isa_of_best; }

int32_t accelerator_predict(const struct accelerator_forest *forest, const float *values,
                            int64_t rows, float *out) {
    const int64_t stride = 2 * LANES * forest->features;
    const int64_t block = rows < BLOCK ? (rows + LANES - 1) / LANES * LANES : BLOCK;
    float *vectors = malloc((size_t)(block / LANES * stride) * sizeof *vectors);
    float *sums = malloc((size_t)(forest->groups * BLOCK) * sizeof *sums);
    if ((vectors == NULL && rows > 0) || sums == NULL) {
        free(vectors);
        free(sums);
        return -1;
    }
    for (int64_t first = 0; first < rows; first += BLOCK) {
        const int64_t count = rows - first < BLOCK ? rows - first : BLOCK;
        spread(values + first * forest->features, forest->features, count, vectors);
        for (int64_t group = 0; group < forest->groups; group++) {
            for (int64_t row = 0; row < count; row++) {
                sums[group * BLOCK + row] = forest->base[group];
            }
        }
        walk_best(forest, vectors, stride, count, sums);
        out = answer(forest, sums, count, out);
    }
    free(vectors);
    free(sums);
    return 0;
}
