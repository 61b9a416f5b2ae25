/* The C interface of the accelerator, called by serving/inference_accelerator.py through ctypes.
 *
 * Every function is reentrant. None prints, exits or keeps a pointer that it was given; memory is
 * the caller's, but for a forest, which accelerator_forest_free() returns.
 */
#ifndef ACCELERATOR_H
#define ACCELERATOR_H

#include <stdint.h>

/* Everything else is hidden. */
#define EXPORT __attribute__((visibility("default")))

/* Changes with every change of a signature below; the caller checks it. */
#define ACCELERATOR_ABI 2

/* How a sum of leaves becomes an answer, named as XGBoost's objectives do it. */
enum accelerator_transform {
    TRANSFORM_IDENTITY = 0,
    TRANSFORM_SIGMOID = 1,
    TRANSFORM_EXP = 2,
    TRANSFORM_HINGE = 3,
    TRANSFORM_SOFTMAX = 4,
    TRANSFORM_ARGMAX = 5,
};

/* How `base_score` in a model file becomes the value that a sum of leaves starts from. */
enum accelerator_link { LINK_IDENTITY = 0, LINK_LOGIT = 1, LINK_LOG = 2 };

/* Trees as XGBoost stores them, one after the other: node i of tree t is at offsets[t] + i. */
struct accelerator_trees {
    int64_t count;
    int64_t features;
    int64_t groups;              /* sums of leaves per row */
    const int64_t *offsets;      /* count + 1 of them */
    const int32_t *group;        /* per tree: to which sum it adds */
    const int32_t *left;         /* per node: a leaf has -1 */
    const int32_t *right;
    const int32_t *feature;
    const float *value;          /* the threshold of a split, the value of a leaf */
    const uint8_t *default_left; /* where a missing value goes */
    const float *base_score;     /* per group */
    int32_t link;
    int32_t transform;
};

struct accelerator_forest;

EXPORT int32_t accelerator_abi(void);

/* The instruction set that predictions use: a static string. */
EXPORT const char *accelerator_isa(void);

/* Read a table of numbers: one row per line, one array per row, one array per line.
 *
 * Each returns the number of rows and sets *columns, or returns -1: what the text holds is not plain
 * enough, ask the reference parser. `out` then holds rubbish.
 */
EXPORT int64_t accelerator_parse_csv(const char *text, int64_t length, float *out, int64_t capacity,
                                     int64_t *columns);
EXPORT int64_t accelerator_parse_json(const char *text, int64_t length, float *out,
                                      int64_t capacity, int64_t *columns);
EXPORT int64_t accelerator_parse_jsonlines(const char *text, int64_t length, float *out,
                                           int64_t capacity, int64_t *columns);

/* The longest text that accelerator_format writes. */
EXPORT int64_t accelerator_format_bound(int64_t rows, int64_t columns);

/* Write finite numbers as CSV, or as JSON. `columns` is 0 for a plain list of `rows` numbers.
 *
 * Returns the number of bytes written, or -1 if a value is NaN or infinite.
 */
EXPORT int64_t accelerator_format(const float *values, int64_t rows, int64_t columns, int32_t json,
                           char *out);

/* Returns NULL if the trees are malformed or memory is short. */
EXPORT struct accelerator_forest *accelerator_forest_new(const struct accelerator_trees *trees);

EXPORT void accelerator_forest_free(struct accelerator_forest *forest);

/* Predict `rows` rows of `features` values each, NaN where missing.
 *
 * Writes `groups` answers per row (one for TRANSFORM_ARGMAX). Returns 0, or -1 if memory is short.
 */
EXPORT int32_t accelerator_predict(const struct accelerator_forest *forest, const float *values,
                            int64_t rows, float *out);

#endif
