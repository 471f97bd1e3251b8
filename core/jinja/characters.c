/* What Python's str says of one character. */
#include "jinja/strings.h"
#include "jinja/unicode_tables.h"

#include <utf8proc.h>

static bool in_ranges(const struct jinja_range *ranges, int32_t point)
{
    for (; ranges->high; ranges++)
        if (point >= ranges->low && point <= ranges->high)
            return true;
    return false;
}

bool jinja_is_space(int32_t point)
{
    return (point >= 9 && point <= 13) || (point >= 0x1C && point <= 0x20) || point == 0x85 ||
           point == 0xA0 || point == 0x1680 || (point >= 0x2000 && point <= 0x200A) ||
           point == 0x2028 || point == 0x2029 || point == 0x202F || point == 0x205F ||
           point == 0x3000;
}

bool jinja_is_line_end(int32_t point)
{
    return (point >= 10 && point <= 13) || (point >= 0x1C && point <= 0x1E) || point == 0x85 ||
           point == 0x2028 || point == 0x2029;
}

bool jinja_is_lower(int32_t point)
{
    return utf8proc_category(point) == UTF8PROC_CATEGORY_LL || in_ranges(jinja_other_lower, point);
}

bool jinja_is_upper(int32_t point)
{
    return utf8proc_category(point) == UTF8PROC_CATEGORY_LU || in_ranges(jinja_other_upper, point);
}

bool jinja_is_titled(int32_t point)
{
    return utf8proc_category(point) == UTF8PROC_CATEGORY_LT;
}

bool jinja_is_alpha(int32_t point)
{
    utf8proc_category_t category = utf8proc_category(point);
    return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

bool jinja_is_decimal(int32_t point)
{
    return utf8proc_category(point) == UTF8PROC_CATEGORY_ND;
}

bool jinja_is_digit(int32_t point)
{
    return jinja_is_decimal(point) || in_ranges(jinja_other_digits, point);
}

bool jinja_is_numeric(int32_t point)
{
    utf8proc_category_t category = utf8proc_category(point);
    return (category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO) ||
           in_ranges(jinja_other_numbers, point);
}

/* Letters, marks, numbers, punctuation, symbols, and of the white space a space. */
bool jinja_is_printable(int32_t point)
{
    switch (utf8proc_category(point)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
        return false;
    case UTF8PROC_CATEGORY_ZS:
        return point == ' ';
    default:
        return true;
    }
}
