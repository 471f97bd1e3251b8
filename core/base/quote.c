#include "base/quote.h"

#include "base/text.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* --- YAML --- */

/* What is no text by the tables of YAML 1.1 (yaml.org/type) and 1.2, in any case of its letters. */
static bool is_yaml_word(const char *text)
{
    static const char *const words[] = {"null", "true", "false", "yes",   "no",   "on", "off", "y",
                                        "n",    "~",    ".inf",  "+.inf", ".nan", "=",  "<<"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(text, words[i]) == 0)
            return true;
    return false;
}

static bool is_made_of(const char *text, const char *characters)
{
    return *text && text[strspn(text, characters)] == '\0';
}

/* Integers of every base, floats, times of 60 minutes ("1:30"), dates: more rather than fewer. */
static bool is_yaml_number(const char *text)
{
    static const char digits[] = "0123456789";
    text += *text == '+';
    size_t year = strspn(text, digits);
    if (text[0] == '0' && text[1] && strchr("xXoObB", text[1]))
        return is_made_of(text + 2, "0123456789abcdefABCDEF_");
    if (year == 4 && text[4] == '-' && isdigit((unsigned char)text[5]))
        return true;
    return strpbrk(text, digits) && !isalpha((unsigned char)*text) &&
           is_made_of(text, "0123456789_.:eE+-");
}

static bool needs_escape(int32_t code_point)
{
    return utf8_is_unsafe(code_point) || code_point == 0xFEFF || code_point == 0xFFFE ||
           code_point == 0xFFFF;
}

/* Does a plain scalar of YAML say just this? */
static bool is_yaml_plain(const char *text)
{
    size_t length = strlen(text);
    if (length == 0 || strchr("-?:,[]{}#&*!|>'\"%@` ", text[0]) || text[length - 1] == ' ' ||
        text[length - 1] == ':' || strstr(text, ": ") || strstr(text, " #"))
        return false;
    for (size_t at = 0; at < length;) {
        int32_t code_point;
        at += utf8_decode(text + at, length - at, &code_point);
        if (needs_escape(code_point))
            return false;
    }
    return !is_yaml_word(text) && !is_yaml_number(text);
}

/* Plain where every reader takes that for just this text, else in double quotes with escapes. */
void quote_put_yaml(struct buffer *out, const char *text)
{
    size_t length = strlen(text);
    if (is_yaml_plain(text)) {
        buffer_text(out, text);
        return;
    }
    buffer_byte(out, '"');
    for (size_t at = 0, bytes; at < length; at += bytes) {
        int32_t code_point;
        bytes = utf8_decode(text + at, length - at, &code_point);
        if (needs_escape(code_point))
            buffer_format(out, "\\u%04X", code_point < 0 ? 0xFFFDU : (unsigned)code_point);
        else if (code_point == '"' || code_point == '\\')
            buffer_format(out, "\\%c", (int)code_point);
        else
            buffer_append(out, text + at, bytes);
    }
    buffer_byte(out, '"');
}

/* --- shell --- */

void quote_put_shell(struct buffer *out, const char *text)
{
    buffer_byte(out, '\'');
    for (; *text; text++)
        if (*text == '\'')
            buffer_text(out, "'\\''");
        else
            buffer_byte(out, *text);
    buffer_byte(out, '\'');
}

void quote_put_shell_word(struct buffer *out, const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "._-/";
    if (is_made_of(text, plain))
        buffer_text(out, text);
    else
        quote_put_shell(out, text);
}
