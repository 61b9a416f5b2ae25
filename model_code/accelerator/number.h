/* Numbers as text, read as Python's float() and a cast to float32 read them. */
#ifndef NUMBER_H
#define NUMBER_H

#include <stdbool.h>

/* How a number may be written. */
enum spelling {
    SPELLING_PYTHON, /* as for float(): also `+1`, `.5`, `5.`, `007`; `nan` in any case */
    SPELLING_JSON,   /* as in JSON; and `null` and `NaN` are a missing value */
};

/* Read a number that starts at `from`, before `end`.
 *
 * Returns where it ends, or NULL: ask the reference parser.
 */
const char *read_number(const char *from, const char *end, enum spelling spelling, float *value);

#endif
