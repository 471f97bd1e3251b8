/* Random numbers, number formats, text that reaches a terminal, patterns, errors. */
#include "test.h"

#include "base/decimal.h"
#include "base/error.h"
#include "base/number.h"
#include "base/random.h"
#include "base/regex.h"
#include "base/text.h"

#include <math.h>
#include <string.h>

/* Known answers published with the Random123 library (kat_vectors, philox4x32-10). */
static void philox_known_answers(void **state)
{
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } cases[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t out[4];
        random_philox(cases[i].key, cases[i].counter, out);
        assert_memory_equal(out, cases[i].out, sizeof out);
    }
}

static void streams_have_the_right_moments(void **state)
{
    (void)state;
    struct random_stream stream = {.seed = 7};
    double sum = 0, squares = 0;
    enum { N = 200000 };
    for (int i = 0; i < N; i++) {
        double x = random_normal(&stream);
        sum += x;
        squares += x * x;
        assert_true(random_below(&stream, 3) < 3);
    }
    assert_true(fabs(sum / N) < 5 / sqrt(N));
    assert_true(fabs(squares / N - 1) < 5 * sqrt(2.0 / N));
}

static void number_formats_round_trip(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 65536; bits++) {
        float value = bf16_to_float((uint16_t)bits);
        if (!isnan(value))
            assert_int_equal(bf16_from_float(value), bits);
    }
    assert_true(f16_to_float(0x3C00) == 1.0f && f16_to_float(0xC000) == -2.0f);
    assert_true(f16_to_float(0x0001) == 0x1p-24f && isinf(f16_to_float(0x7C00)));
    for (uint32_t bits = 0; bits < 0x10000; bits++) {
        float value = f16_to_float((uint16_t)bits), next = f16_to_float((uint16_t)(bits + 1));
        if (isnan(value)) {
            assert_true(isnan(f16_to_float(f16_from_float(value))));
            continue;
        }
        assert_int_equal(f16_from_float(value), bits);
        if ((bits & 0x7FFF) >= 0x7BFF)
            continue;
        float half_way = (value + next) / 2; /* which a float holds: a tie goes to even */
        assert_int_equal(f16_from_float(half_way), bits + (bits & 1));
        assert_int_equal(f16_from_float(nextafterf(half_way, value)), bits);
        assert_int_equal(f16_from_float(nextafterf(half_way, next)), bits + 1);
    }
    assert_int_equal(f16_from_float(65519.996f), 0x7BFF);
    assert_int_equal(f16_from_float(-65520.0f), 0xFC00);
    assert_int_equal(f16_from_float(INFINITY), 0x7C00);
    assert_int_equal(bf16_from_float(1.00390625f), 0x3F80); /* a tie goes to even */
    assert_int_equal(bf16_from_float(1.01171875f), 0x3F82);
    assert_true(isnan(bf16_to_float(bf16_from_float(NAN))));
}

static void hostile_text_is_made_safe(void **state)
{
    (void)state;
    char text[] = "a\x1b[2Jb\xc2\x9b"
                  "c\xe2\x80\xae"
                  "d\xff"
                  "e\xc3\xa9\n";
    utf8_sanitize(text);
    assert_string_equal(text, "a?[2Jb?c?d?e\xc3\xa9?");
    char cut[5];
    utf8_copy(cut, sizeof cut, "a\x1b\xc3\xa9\xc3\xa9");
    assert_string_equal(cut, "a?\xc3\xa9");
    utf8_copy(cut, 4, "abc\xc3\xa9");
    assert_string_equal(cut, "abc");
    utf8_copy_line(text, sizeof text, "a\r\nb\tc\x1b\n");
    assert_string_equal(text, "a  b c? ");
    assert_false(utf8_valid("\xc0\x80", 2));
    assert_false(utf8_valid("\xed\xa0\x80", 3));
    assert_int_equal(utf8_columns(0x4E2D), 2);
}

static void check_mended(const char *from, const char *to)
{
    char text[32];
    snprintf(text, sizeof text, "%s", from);
    utf8_mend(text);
    assert_string_equal(text, to);
}

/* Newlines stay: what a model said has lines. */
static void cut_text_is_mended(void **state)
{
    (void)state;
    check_mended("a\nb\xc3", "a\nb");
    check_mended("a\nb\xf0\x9f\x98", "a\nb");
    check_mended("a\n\xf0\x9f\x98\x80", "a\n\xf0\x9f\x98\x80");
    check_mended("a\xff\n\xc3\xa9\xa9", "a?\n\xc3\xa9?");
    check_mended("\xa9\xa9\xa9\xa9", "????");
    check_mended("\xe2", "");
    check_mended("", "");
}

static void errors_carry_context(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    assert_int_equal(error_set_kind(&err, ERROR_USAGE, "bad \x1b name"), -1);
    error_prefix(&err, "in %s", "file");
    assert_string_equal(err.text, "in file: bad ? name");
    assert_int_equal(err.kind, ERROR_USAGE);
    char many[2 * ERROR_TEXT_MAX];
    memset(many, 'x', sizeof many);
    many[sizeof many - 1] = '\0';
    error_set(&err, "%s", many);
    error_prefix(&err, "%s", many);
    assert_true(strlen(err.text) < ERROR_TEXT_MAX);
    assert_int_equal(error_set(NULL, "nobody asks"), -1);
}

static void patterns_are_bounded(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    assert_null(regex_new("(", &err));
    assert_non_null(strstr(err.text, "pattern"));
    struct regex *regex = regex_new("(a+)+$", &err);
    char text[64];
    memset(text, 'a', sizeof text);
    text[62] = 'b';
    text[63] = '\0';
    assert_int_equal(regex_search(regex, text, &err), -1); /* the match limit ends it */
    assert_non_null(strstr(err.text, "match limit"));
    assert_int_equal(regex_search(regex, "\xff", &err), -1);
    regex_free(regex);
    regex = regex_new("layers.1", &err);
    assert_int_equal(regex_search(regex, "model.layers.10", &err), 1);
    assert_int_equal(regex_search(regex, "model.norm", &err), 0);
    regex_free(regex);
}

/* More than the just-in-time code's stack holds is no reason to find nothing. */
static void patterns_match_long_texts(void **state)
{
    (void)state;
    enum { LENGTH = 100000 };
    struct regex *regex = regex_new("(?:(a)|(b))*c", NULL);
    char *text = malloc(LENGTH + 1);
    for (int i = 0; i < LENGTH; i++)
        text[i] = "ab"[i % 2];
    text[LENGTH - 1] = 'c';
    text[LENGTH] = '\0';
    size_t from, to;
    assert_int_equal(regex_find(regex, text, LENGTH, 0, &from, &to, NULL), 1);
    assert_int_equal(to - from, LENGTH);
    free(text);
    regex_free(regex);
}

/* What strtod() takes besides, blanks, hexadecimal, "inf" and "nan", is no number that people write,
 * and what a double cannot hold is not another one. */
static void numbers_are_decimal(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value; /* NaN: refused */
    } cases[] = {
        {"5", 5},
        {"-0.5", -0.5},
        {"+2", 2},
        {".5", 0.5},
        {"5.", 5},
        {"3e-4", 3e-4},
        {"1E+2", 100},
        {"007", 7},
        {"0", 0},
        {"-0.0e5", 0},
        {"0e1", 0},
        {"1e308", 1e308},
        {"4.9e-324", 4.9e-324},
        {"", NAN},
        {".", NAN},
        {"-", NAN},
        {"e5", NAN},
        {"0x10", NAN},
        {"0x1p4", NAN},
        {" 5", NAN},
        {"5 ", NAN},
        {"\t5", NAN},
        {"inf", NAN},
        {"nan", NAN},
        {"1e400", NAN},
        {"-1e400", NAN},
        {"1e-400", NAN},
        {"0.1e-400", NAN},
        {"1e", NAN},
        {"1e+", NAN},
        {"1,5", NAN},
        {"--1", NAN},
        {"1_000", NAN},
        {"infinity", NAN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double value = 42, wanted = isnan(cases[i].value) ? 42 : cases[i].value;
        if (decimal_read(&value, cases[i].text) == isnan(cases[i].value) || value != wanted)
            fail_msg("\"%s\" is read as %g", cases[i].text, value);
    }
    static const char *const whole[] = {"5", "-5", "+5", "007", "9223372036854775807"};
    static const char *const other[] = {"",  "5.0", "0x5", " 5", "5 ", "1e2", "9223372036854775808",
                                        "-", "\n5"};
    int64_t number = 0;
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        assert_true(decimal_read_whole(&number, whole[i]));
    assert_true(number == INT64_MAX);
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        if (decimal_read_whole(&number, other[i]) || number != INT64_MAX)
            fail_msg("\"%s\" is read as a whole number", other[i]);
    static const char *const percents[] = {"25", "25%", "25 %", "2.5e1%"};
    static const char *const none[] = {"",     "%",    "25%%",   "25% ", "25 ",
                                       " 25%", "25 x", "1e400%", "e%"};
    for (size_t i = 0; i < sizeof percents / sizeof *percents; i++) {
        double percent = 0;
        if (!decimal_read_percent(&percent, percents[i]) || percent != 25)
            fail_msg("\"%s\" is not read as a percentage", percents[i]);
    }
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (decimal_read_percent(&(double){0}, none[i]))
            fail_msg("\"%s\" is read as a percentage", none[i]);
}

static void numbers_are_written_for_people(void **state)
{
    (void)state;
    assert_string_equal(decimal_text(0).text, "0");
    assert_string_equal(decimal_text(999).text, "999");
    assert_string_equal(decimal_text(1000).text, "1,000");
    assert_string_equal(decimal_text(-123456).text, "-123,456");
    assert_string_equal(decimal_text(INT64_MIN).text, "-9,223,372,036,854,775,808");
    assert_true(decimal_compare_names("layers.2.w", "layers.10.w") < 0);
    assert_true(decimal_compare_names("layers.10.w", "layers.2.w") > 0);
    assert_true(decimal_compare_names("layers.2.b", "layers.2.w") < 0);
    assert_true(decimal_compare_names("layers", "layers.0") < 0);
    assert_true(decimal_compare_names("a.007", "a.8") < 0);
    assert_true(decimal_compare_names("norm", "layers.0") > 0);
    assert_int_equal(decimal_compare_names("layers.10.w", "layers.10.w"), 0);
}

static void bytes_are_read_or_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes; /* 0: refused */
    } cases[] = {
        {"123456", 123456},
        {"8G", 8ull << 30},
        {"1.5m", 3 << 19},
        {"2k", 2048},
        {"1T", 1ull << 40},
        {"1e3", 0},
        {"0x10", 0},
        {"0x1G", 0},
        {" 8G", 0},
        {"+8G", 0},
        {"8.G", 8ull << 30},
        {"1.2.3G", 0},
        {"5gb", 5000000000},
        {"500MB", 500000000},
        {"10GiB", 10ull << 30},
        {"00000000000000000000000000000000000008G", 0},
        {"4194304T", 1ull << 62},
        {"4194305T", 0},
        {"", 0},
        {"G", 0},
        {"24GB", 24000000000},
        {"24GiB", 24ull << 30},
        {"24G", 24ull << 30},
        {"2kib", 2048},
        {"2kB", 2000},
        {"8B", 0},
        {"8iB", 0},
        {"8Gi", 0},
        {"8GiBs", 0},
        {"8 G", 0},
        {"0", 0},
        {"-1G", 0},
        {"nan", 0},
        {"inf", 0},
        {"8X", 0},
        {"8G\n", 0},
        {"1e400", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t bytes = 0;
        assert_int_equal(text_to_bytes(&bytes, cases[i].text), cases[i].bytes > 0);
        assert_int_equal(bytes, cases[i].bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_known_answers),
        cmocka_unit_test(streams_have_the_right_moments),
        cmocka_unit_test(number_formats_round_trip),
        cmocka_unit_test(numbers_are_decimal),
        cmocka_unit_test(numbers_are_written_for_people),
        cmocka_unit_test(bytes_are_read_or_refused),
        cmocka_unit_test(hostile_text_is_made_safe),
        cmocka_unit_test(cut_text_is_mended),
        cmocka_unit_test(errors_carry_context),
        cmocka_unit_test(patterns_are_bounded),
        cmocka_unit_test(patterns_match_long_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
