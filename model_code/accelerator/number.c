/* See number.h. */
#define _GNU_SOURCE
#include "number.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST_EXACT_POWER = 22, SIGNIFICANT_DIGITS = 19, LONGEST_NUMBER = 512 };

/* Each is exact as a double. */
static const double POWERS[LARGEST_EXACT_POWER + 1] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
};

/* strtod() would read a decimal comma where the process set such a locale. */
static locale_t c_locale;

__attribute__((constructor)) static void open_locale(void) {
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

__attribute__((destructor)) static void close_locale(void) {
    if (c_locale != (locale_t)0) {
        freelocale(c_locale);
    }
}

static inline bool is_digit(char c) { return (unsigned char)(c - '0') < 10; }



/* Eight digits at once: whether the next eight bytes are digits, and their value. */
static inline bool eight_digits(const char *at, uint32_t *value) {
    uint64_t chunk;
    memcpy(&chunk, at, sizeof chunk);
    const uint64_t zeros = 0x3030303030303030;
    const uint64_t high = 0xF0F0F0F0F0F0F0F0;
    /* Adding 6 moves ':' to '?' out of the row of digits. */
    if ((chunk & high) != zeros || ((chunk + 0x0606060606060606) & high) != zeros) {
        return false;
    }
    chunk -= zeros;
    chunk = chunk * 10 + (chunk >> 8); /* pairs, in every other byte */
    const uint64_t pairs = 0x000000FF000000FF;
    const uint64_t first = (chunk & pairs) * (100 + ((uint64_t)1000000 << 32));
    const uint64_t second = ((chunk >> 16) & pairs) * (1 + ((uint64_t)10000 << 32));
    *value = (uint32_t)((first + second) >> 32);
    return true;
}

/* Wraps around beyond 19 significant digits; the caller counts them. */
static inline const char *read_digits(const char *at, const char *end, uint64_t *mantissa) {
    uint32_t eight;
    while (end - at >= 8 && eight_digits(at, &eight)) {
        *mantissa = *mantissa * 100000000 + eight;
        at += 8;
    }
    while (at < end && is_digit(*at)) {
        *mantissa = *mantissa * 10 + (uint64_t)(*at - '0');
        at++;
    }
    return at;
}

static bool correctly_rounded(const char *from, const char *to, float *value) {
    char text[LONGEST_NUMBER];
    const size_t length = (size_t)(to - from);
    if (length >= sizeof text || c_locale == (locale_t)0) {
        return false;
    }
    memcpy(text, from, length);
    text[length] = '\0';
    const double number = strtod_l(text, NULL, c_locale);
    if (!(fabs(number) <= FLT_MAX)) {
        return false;
    }
    *value = (float)number;
    return true;
}

/* mantissa * 10^exponent as the double nearest to it is cast to a float.
 *
 * Returns false where this quick way cannot tell.
 */
static inline bool quick(uint64_t mantissa, int64_t exponent, float *value) {
    if (mantissa == 0) {
        *value = 0.0f;
        return true;
    }
    const bool exact = mantissa <= (uint64_t)1 << 53;
    double number = (double)mantissa;
    if (exponent >= 0) {
        if (exponent > 2 * LARGEST_EXACT_POWER) {
            return false;
        }
        if (exponent > LARGEST_EXACT_POWER) {
            number *= POWERS[LARGEST_EXACT_POWER];
            number *= POWERS[exponent - LARGEST_EXACT_POWER];
        } else {
            number *= POWERS[exponent];
        }
    } else {
        if (exponent < -2 * LARGEST_EXACT_POWER) {
            return false;
        }
        if (exponent < -LARGEST_EXACT_POWER) {
            number /= POWERS[LARGEST_EXACT_POWER];
            number /= POWERS[-exponent - LARGEST_EXACT_POWER];
        } else {
            number /= POWERS[-exponent];
        }
    }
    if (!(number <= FLT_MAX)) {
        return false;
    }
    /* One operation on two exact numbers rounds once: this is the nearest double. */
    if (exact && -LARGEST_EXACT_POWER <= exponent && exponent <= LARGEST_EXACT_POWER) {
        *value = (float)number;
        return true;
    }
    /* At most three roundings: `number` is within 2 units of the nearest double. The cast rounds at
     * the middle between two floats, where the 29 bits that it drops are 1 followed by zeros; 16
     * units away from there both doubles give the same float. Below FLT_MIN it drops more bits. */
    if (number < FLT_MIN) {
        return false;
    }
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    const uint32_t dropped = bits & 0x1FFFFFFF;
    if (dropped - (0x10000000 - 16) <= 32) {
        return false;
    }
    *value = (float)number;
    return true;
}

/* The number of digits without the zeros before them. */
static int64_t significant(const char *from, const char *to) {
    int64_t count = 0;
    for (; from < to; from++) {
        if (*from != '.' && (count > 0 || *from != '0')) {
            count++;
        }
    }
    return count;
}

static const char *read_nan(const char *at, const char *end, float *value) {
    if (end - at < 3 || (at[0] | 0x20) != 'n' || (at[1] | 0x20) != 'a' || (at[2] | 0x20) != 'n') {
        return NULL;
    }
    *value = NAN;
    return at + 3;
}

static const char *read_missing(const char *at, const char *end, float *value) {
    *value = NAN;
    if (end - at >= 4 && memcmp(at, "null", 4) == 0) {
        return at + 4;
    }
    return end - at >= 3 && memcmp(at, "NaN", 3) == 0 ? at + 3 : NULL;
}

/* Inlined twice, so that the spelling costs nothing. */
static inline __attribute__((always_inline)) const char *read(const char *from, const char *end,
                                                              enum spelling spelling,
                                                              float *value) {
    const char *at = from;
    const bool json = spelling == SPELLING_JSON;
    const bool negative = *at == '-';
    if (negative || (*at == '+' && !json)) {
        at++;
    }
    const char *digits = at;
    if (json && end - at >= 2 && at[0] == '0' && is_digit(at[1])) {
        return NULL;
    }
    uint64_t mantissa = 0;
    at = read_digits(at, end, &mantissa);
    int64_t count = at - digits;
    if (json && count == 0) {
        return negative ? NULL : read_missing(at, end, value);
    }
    int64_t exponent = 0;
    if (at < end && *at == '.') {
        at++;
        const char *fraction = at;
        at = read_digits(at, end, &mantissa);
        if (json && at == fraction) {
            return NULL;
        }
        exponent = fraction - at;
        count -= exponent;
    }
    if (count == 0) {
        /* The sign of a NaN would have to be kept. */
        return negative || at != digits ? NULL : read_nan(at, end, value);
    }
    const bool truncated = count > SIGNIFICANT_DIGITS && significant(digits, at) > SIGNIFICANT_DIGITS;
    if (at < end && (*at | 0x20) == 'e') {
        at++;
        const bool down = at < end && *at == '-';
        if (down || (at < end && *at == '+')) {
            at++;
        }
        const char *start = at;
        int64_t written = 0;
        while (at < end && is_digit(*at)) {
            if (written < 100000) {
                written = written * 10 + (*at - '0');
            }
            at++;
        }
        if (at == start) {
            return NULL;
        }
        exponent += down ? -written : written;
    }
    if (truncated || !quick(mantissa, exponent, value)) {
        return correctly_rounded(from, at, value) ? at : NULL;
    }
    if (negative) {
        *value = -*value;
    }
    return at;
}

const char *read_number(const char *from, const char *end, enum spelling spelling, float *value) {
    return spelling == SPELLING_JSON ? read(from, end, SPELLING_JSON, value)
                                     : read(from, end, SPELLING_PYTHON, value);
}
