/* gsm8k.yaml's filters and metric:
 *
 *     strict-match      the first of "#### (-?[0-9.,]+)"
 *     flexible-extract  the last of "(-?[$0-9.,]{2,})|(-?[0-9]+)"
 *     right: equal to the solution, both without ",", "$", all up to the last "#### ", and a full
 *     stop at the end; letters' case does not count
 */
#include "task/answer.h"

#include "base/buffer.h"
#include "base/regex.h"
#include "task/text.h"

#include <string.h>
#include <strings.h>

static const char mark[] = "#### ";

/* Without what does not count. */
static void put_plain(struct buffer *out, const char *text)
{
    const char *at;
    while ((at = strstr(text, mark)))
        text = at + sizeof mark - 1;
    for (; *text; text++)
        if (*text != ',' && *text != '$')
            buffer_byte(out, *text);
    if (out->length > 0 && out->data[out->length - 1] == '.')
        out->data[--out->length] = '\0';
}

/* *begin and *end of the first or the last match; 0: there is none. */
static int find(const char *pattern, const char *text, bool last, size_t *begin, size_t *end,
                struct error *err)
{
    struct regex *regex = regex_new(pattern, err);
    size_t at = 0, length = strlen(text), from, to;
    int found = 0, status = regex ? 1 : -1;
    while (status > 0 && (!found || last)) {
        status = regex_find(regex, text, length, at, &from, &to, err);
        if (status <= 0)
            break;
        found = 1;
        *begin = from;
        *end = at = to;
    }
    regex_free(regex);
    return status < 0 ? -1 : found;
}

static int is_right(bool *right, const char *pattern, size_t skipped, bool last, const char *text,
                    const char *wanted, struct error *err)
{
    struct buffer found = BUFFER_INIT, plain = BUFFER_INIT;
    size_t begin = 0, end = 0;
    int status = find(pattern, text, last, &begin, &end, err);
    if (status > 0) {
        const char *number = text + begin + skipped;
        size_t length = end - begin - skipped;
        text_strip(&number, &length);
        buffer_append(&found, number, length);
        put_plain(&plain, buffer_string(&found));
    }
    *right = status > 0 && strcasecmp(buffer_string(&plain), wanted) == 0;
    buffer_free(&found);
    buffer_free(&plain);
    return status < 0 ? -1 : 0;
}

int answer_judge(struct answer_verdict *out, const char *text, const char *answer,
                 struct error *err)
{
    struct buffer wanted = BUFFER_INIT;
    put_plain(&wanted, answer);
    int status = buffer_check(&wanted, err);
    if (status == 0)
        status = is_right(&out->strict, "#### (-?[0-9.,]+)", sizeof mark - 1, false, text,
                          buffer_string(&wanted), err);
    if (status == 0)
        status = is_right(&out->flexible, "(-?[$0-9.,]{2,})|(-?[0-9]+)", 0, true, text,
                          buffer_string(&wanted), err);
    buffer_free(&wanted);
    return status;
}

size_t answer_end(const char *text, size_t length)
{
    static const char *const stops[] = {"Question:", "</s>", "<|im_end|>"};
    size_t end = length;
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        const char *found = memmem(text, length, stops[i], strlen(stops[i]));
        if (found && (size_t)(found - text) < end)
            end = (size_t)(found - text);
    }
    return end;
}
