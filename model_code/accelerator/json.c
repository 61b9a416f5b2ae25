/* Tables of numbers in JSON and in JSON Lines.
 *
 * Read are arrays of arrays of numbers, `null` and `NaN`, also as {"instances": …}; and one array a
 * line. Whatever else a text holds is left to serving/inference_json.py.
 */
#include "accelerator.h"
#include "number.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Where a table goes, row by row. */
struct table {
    float *next;
    const float *limit;
    int64_t rows;
    int64_t columns;
};

static inline bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

static inline const char *skip_space(const char *at, const char *end) {
    while (at < end && is_space(*at)) {
        at++;
    }
    return at;
}

/* What follows the space and this character; NULL if something else does. */
static inline const char *after(const char *at, const char *end, char expected) {
    at = skip_space(at, end);
    return at < end && *at == expected ? at + 1 : NULL;
}

/* What follows the array that begins at `at`, or NULL. */
static const char *read_row(const char *at, const char *end, struct table *table) {
    at = after(at, end, '[');
    if (at == NULL) {
        return NULL;
    }
    const float *row = table->next;
    for (;;) {
        at = skip_space(at, end);
        if (at == end || table->next == table->limit) {
            return NULL;
        }
        at = read_number(at, end, SPELLING_JSON, table->next);
        if (at == NULL) {
            return NULL;
        }
        table->next++;
        at = skip_space(at, end);
        if (at == end || (*at != ',' && *at != ']')) {
            return NULL;
        }
        if (*at++ == ']') {
            break;
        }
    }
    const int64_t width = table->next - row;
    if (table->rows++ == 0) {
        table->columns = width;
    }
    return width == table->columns ? at : NULL;
}

int64_t accelerator_parse_json(const char *text, int64_t length, float *out, int64_t capacity,
                               int64_t *columns) {
    static const char KEY[] = "\"instances\"";
    const char *end = text + length;
    struct table table = {.next = out, .limit = out + capacity};
    const char *at = after(text, end, '{');
    const bool object = at != NULL;
    if (object) {
        at = skip_space(at, end);
        if (end - at < (ptrdiff_t)sizeof KEY || memcmp(at, KEY, sizeof KEY - 1) != 0) {
            return -1;
        }
        at = after(at + sizeof KEY - 1, end, ':');
    } else {
        at = text;
    }
    if (at != NULL) {
        at = after(at, end, '[');
    }
    while (at != NULL) {
        at = read_row(at, end, &table);
        if (at == NULL) {
            return -1;
        }
        const char *next = after(at, end, ',');
        if (next == NULL) {
            at = after(at, end, ']');
            break;
        }
        at = next;
    }
    if (at != NULL && object) {
        at = after(at, end, '}');
    }
    if (at == NULL || skip_space(at, end) != end) {
        return -1;
    }
    *columns = table.columns;
    return table.rows;
}

int64_t accelerator_parse_jsonlines(const char *text, int64_t length, float *out,
                                    int64_t capacity, int64_t *columns) {
    const char *at = text;
    const char *end = text + length;
    struct table table = {.next = out, .limit = out + capacity};
    while (at < end) {
        /* Each line has to be JSON by itself. */
        const char *line = memchr(at, '\n', (size_t)(end - at));
        const char *stop = line == NULL ? end : line;
        at = read_row(at, stop, &table);
        if (at == NULL || skip_space(at, stop) != stop) {
            return -1;
        }
        at = line == NULL ? end : line + 1;
    }
    if (table.rows == 0) {
        return -1;
    }
    *columns = table.columns;
    return table.rows;
}
