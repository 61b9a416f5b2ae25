/* Floats as text: the fewest digits that give the float back, laid out as numpy does.
 *
 * The digits are found as in R. Giulietti, "The Schubfach way to render doubles" (2020), for 32-bit
 * floats: of the decimals within the rounding interval the shortest, and of those the nearest.
 */
#include "accelerator.h"

#include <stdbool.h>
#include <string.h>

#include "powers_of_ten.h"

enum {
    FRACTION_BITS = 23,
    BIAS = 150,
    LARGEST_POSITIONAL = 16, /* numpy writes 1e+16, but 9999999000000000.0 */
    LONGEST = 20,
};

static int floor_log2_of_power_of_ten(int power) { return (power * 1741647) >> 19; }

/* The upper 32 bits of power * scaled; the last bit is set if any bit below it is. */
static uint32_t multiply(uint64_t power, uint32_t scaled) {
    const uint64_t low = (power & 0xFFFFFFFF) * scaled;
    const uint64_t sum = (power >> 32) * scaled + (low >> 32);
    return (uint32_t)(sum >> 32) | ((uint32_t)sum > 1);
}

/* Find digits and exponent so that digits * 10^exponent is the decimal for a finite, non-zero float. */
static uint32_t shortest(uint32_t bits, int *exponent) {
    const uint32_t fraction = bits & ((1u << FRACTION_BITS) - 1);
    const int biased = (int)(bits >> FRACTION_BITS) & 0xFF;
    const uint32_t mantissa = biased == 0 ? fraction : fraction | 1u << FRACTION_BITS;
    const int binary = (biased == 0 ? 1 : biased) - BIAS;

    if (-FRACTION_BITS <= binary && binary <= 0 && (mantissa & ((1u << -binary) - 1)) == 0) {
        *exponent = 0;
        return mantissa >> -binary;
    }

    /* In quarters of a unit in the last place: the float, and the ends of what rounds to it. A power
     * of two has its lower neighbour at half the distance. */
    const uint32_t odd = mantissa & 1;
    const bool closer = fraction == 0 && biased > 1;
    const int decimal = (binary * 1262611 - (closer ? 524031 : 0)) >> 22;
    const int shift = binary + floor_log2_of_power_of_ten(-decimal) + 1;
    const uint64_t power = POWERS_OF_TEN[-decimal - SMALLEST_POWER_OF_TEN];
    const uint32_t value = multiply(power, 4 * mantissa << shift);
    const uint32_t lower = multiply(power, (4 * mantissa - 2 + closer) << shift) + odd;
    const uint32_t upper = multiply(power, (4 * mantissa + 2) << shift) - odd;

    const uint32_t digits = value / 4;
    if (digits >= 10) {
        const uint32_t fewer = digits / 10;
        const bool below = lower <= 40 * fewer;
        const bool above = 40 * fewer + 40 <= upper;
        if (below != above) {
            *exponent = decimal + 1;
            return fewer + above;
        }
    }
    *exponent = decimal;
    const bool below = lower <= 4 * digits;
    const bool above = 4 * digits + 4 <= upper;
    if (below != above) {
        return digits + above;
    }
    const uint32_t middle = 4 * digits + 2;
    return digits + (value > middle || (value == middle && (digits & 1) != 0));
}

static char *put(char *at, const char *text, int length) {
    memcpy(at, text, (size_t)length);
    return at + length;
}

static char *put_zeros(char *at, int count) {
    memset(at, '0', (size_t)count);
    return at + count;
}

/* Write a finite float; at most LONGEST bytes. */
static char *put_float(char *at, float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (bits >> 31) {
        *at++ = '-';
        bits &= 0x7FFFFFFF;
        value = -value;
    }
    if (bits == 0) {
        return put(at, "0.0", 3);
    }
    int exponent;
    uint32_t number = shortest(bits, &exponent);
    while (number % 10 == 0) {
        number /= 10;
        exponent++;
    }
    char reversed[10];
    char digits[10];
    int count = 0;
    for (; number > 0; number /= 10) {
        reversed[count++] = (char)('0' + number % 10);
    }
    for (int i = 0; i < count; i++) {
        digits[i] = reversed[count - 1 - i];
    }
    const int point = count + exponent; /* digits before the decimal point */

    /* numpy compares the float, not the decimal: 1e-4 as a float is less than 1e-4. */
    if ((double)value < 1e-4 || (double)value >= 1e16) {
        *at++ = digits[0];
        if (count > 1) {
            *at++ = '.';
            at = put(at, digits + 1, count - 1);
        }
        *at++ = 'e';
        int power = point - 1;
        *at++ = power < 0 ? '-' : '+';
        power = power < 0 ? -power : power;
        *at++ = (char)('0' + power / 10);
        *at++ = (char)('0' + power % 10);
        return at;
    }
    if (point <= 0) {
        at = put(at, "0.", 2);
        at = put_zeros(at, -point);
        return put(at, digits, count);
    }
    if (point >= count) {
        at = put(at, digits, count);
        at = put_zeros(at, point - count);
        return put(at, ".0", 2);
    }
    at = put(at, digits, point);
    *at++ = '.';
    return put(at, digits + point, count - point);
}

static bool is_finite(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (bits & 0x7F800000) != 0x7F800000;
}

int64_t accelerator_format_bound(int64_t rows, int64_t columns) {
    const int64_t per_row = columns == 0 ? LONGEST + 2 : columns * (LONGEST + 2) + 4;
    return rows * per_row + 4;
}

int64_t accelerator_format(const float *values, int64_t rows, int64_t columns, int32_t json,
                           char *out) {
    const int64_t width = columns == 0 ? 1 : columns;
    const bool nested = json && columns != 0;
    char *at = out;
    if (json) {
        *at++ = '[';
    }
    for (int64_t row = 0; row < rows; row++) {
        if (json && row > 0) {
            at = put(at, ", ", 2);
        }
        if (nested) {
            *at++ = '[';
        }
        for (int64_t column = 0; column < width; column++) {
            const float value = *values++;
            if (!is_finite(value)) {
                return -1;
            }
            if (column > 0) {
                at = json ? put(at, ", ", 2) : put(at, ",", 1);
            }
            at = put_float(at, value);
        }
        if (nested) {
            *at++ = ']';
        } else if (!json) {
            *at++ = '\n';
        }
    }
    if (json) {
        *at++ = ']';
    }
    return at - out;
}
