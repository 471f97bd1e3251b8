#define PCRE2_CODE_UNIT_WIDTH 8
#include "base/regex.h"

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

struct regex {
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *context;
};

enum { REGEX_MATCH_LIMIT = 10 * 1000 * 1000, REGEX_PATTERN_MAX = 65536 };

struct regex *regex_new(const char *pattern, struct error *err)
{
    int code = 0;
    PCRE2_SIZE offset = 0;
    if (strlen(pattern) > REGEX_PATTERN_MAX) {
        error_set(err, "a pattern of more than %d bytes", REGEX_PATTERN_MAX);
        return NULL;
    }
    struct regex *regex = calloc(1, sizeof *regex);
    if (!regex) {
        error_set(err, "not enough memory for a pattern");
        return NULL;
    }
    regex->code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP,
                                &code, &offset, NULL);
    if (!regex->code) {
        PCRE2_UCHAR message[128] = {0};
        pcre2_get_error_message(code, message, sizeof message);
        error_set(err, "pattern \"%.200s\": %s at character %zu", pattern, (char *)message,
                  (size_t)offset);
        goto refused;
    }
    /* The interpreter does the job where just-in-time code is not to be had. */
    pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE);
    regex->match = pcre2_match_data_create_from_pattern(regex->code, NULL);
    regex->context = pcre2_match_context_create(NULL);
    if (!regex->match || !regex->context) {
        error_set(err, "not enough memory for a pattern");
        goto refused;
    }
    pcre2_set_match_limit(regex->context, REGEX_MATCH_LIMIT);
    return regex;
refused:
    regex_free(regex);
    return NULL;
}

struct regex *regex_of_names(const char *pattern, struct error *err)
{
    if (pattern[0])
        return regex_new(pattern, err);
    error_set(err,
              "an empty pattern (\"\") would match every name; \".\" is the pattern that does");
    return NULL;
}

void regex_free(struct regex *regex)
{
    if (!regex)
        return;
    pcre2_match_context_free(regex->context);
    pcre2_match_data_free(regex->match);
    pcre2_code_free(regex->code);
    free(regex);
}

/* 1: found, in regex->match; 0: not; -1. A pattern's time is exponential in the text at worst, so
 * the number of its steps is bounded, and running out of them is an error that says what to do. */
static int regex_run(struct regex *regex, const char *text, size_t length, size_t start,
                     uint32_t options, struct error *err)
{
    int found = pcre2_match(regex->code, (PCRE2_SPTR)text, length, start, options, regex->match,
                            regex->context);
    /* The interpreter's stack is the heap. */
    if (found == PCRE2_ERROR_JIT_STACKLIMIT)
        found = pcre2_match(regex->code, (PCRE2_SPTR)text, length, start, options | PCRE2_NO_JIT,
                            regex->match, regex->context);
    if (found == PCRE2_ERROR_NOMATCH)
        return 0;
    if (found >= 0)
        return 1;
    PCRE2_UCHAR message[128] = {0};
    pcre2_get_error_message(found, message, sizeof message);
    return error_set(err, "a pattern gave up on a text of %zu bytes (%s); a simpler one is needed",
                     length, (char *)message);
}

int regex_find(struct regex *regex, const char *text, size_t length, size_t start,
               size_t *match_start, size_t *match_end, struct error *err)
{
    /* Checking the whole text's UTF-8 at every call would make a loop quadratic. */
    int found = regex_run(regex, text, length, start, PCRE2_NO_UTF_CHECK, err);
    const PCRE2_SIZE *range = pcre2_get_ovector_pointer(regex->match);
    if (found > 0) {
        *match_start = range[0];
        *match_end = range[1];
    }
    return found;
}

int regex_search(struct regex *regex, const char *text, struct error *err)
{
    return regex_run(regex, text, strlen(text), 0, 0, err);
}
