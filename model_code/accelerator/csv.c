/* Tables of numbers in CSV.
 *
 * The grammar is a subset of serving/inference_csv.py: decimal numbers, `nan`, empty fields, blanks
 * around them, LF or CRLF. Whatever else a text holds is left to that parser, which knows how to
 * read or refuse it.
 */
#include "accelerator.h"
#include "number.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

static inline bool is_blank(char c) { return c == ' ' || c == '\t'; }

static inline const char *skip_blanks(const char *at, const char *end) {
    while (at < end && is_blank(*at)) {
        at++;
    }
    return at;
}

int64_t accelerator_parse_csv(const char *text, int64_t length, float *out, int64_t capacity,
                              int64_t *columns) {
    const char *at = text;
    const char *end = text + length;
    int64_t rows = 0;
    int64_t width = 0;
    float *next = out;
    const float *limit = out + capacity;
    bool blank = true;
    while (at < end) {
        const float *row = next;
        for (;;) {
            at = skip_blanks(at, end);
            if (next == limit) {
                return -1;
            }
            if (at == end || *at == ',' || *at == '\n' || *at == '\r') {
                *next = NAN;
            } else {
                at = read_number(at, end, SPELLING_PYTHON, next);
                if (at == NULL) {
                    return -1;
                }
                at = skip_blanks(at, end);
                blank = false;
            }
            next++;
            if (at == end || *at != ',') {
                break;
            }
            at++;
            blank = false;
        }
        /* A carriage return belongs to the end of a line, or to that of the text. */
        if (at < end && *at == '\r') {
            at++;
        }
        if (at < end && *at++ != '\n') {
            return -1;
        }
        if (rows++ == 0) {
            width = next - row;
        } else if (next - row != width) {
            return -1;
        }
    }
    /* A text of nothing but blanks is refused by the reference parser. */
    if (blank) {
        return -1;
    }
    *columns = width;
    return rows;
}
