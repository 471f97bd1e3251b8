#include "job/export/gguf_name.h"

#include "base/buffer.h"
#include "base/memory.h"

#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What a part of a name, between two hyphens, may be; several at first. */
enum part_kind { BASENAME = 1, SIZE = 2, FINETUNE = 4, VERSION = 8, TYPE = 16 };

struct name_part {
    char *text;
    unsigned kinds; /* enum part_kind */
};

enum { PARTS_MAX = 64 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return isalpha((unsigned char)c) || (unsigned char)c >= 0x80;
}

static size_t digits(const char *text)
{
    return strspn(text, "0123456789");
}

/* --- one part --- */

/* "2", "v0.2", "iter35" */
static bool is_version(const char *text)
{
    if (strncasecmp(text, "iter", 4) == 0)
        text += 4;
    else if (*text == 'v' || *text == 'V')
        text++;
    for (;;) {
        size_t count = digits(text);
        if (count == 0 || text[count] != '.')
            return count > 0 && text[count] == '\0';
        text += count + 1;
    }
}

/* "Q4_K_M", "IQ4_XS" is none, "BF16", "fp32": how a model is stored */
static bool is_type(const char *text)
{
    const char *at = text;
    if (tolower(*at) == 'i')
        at++;
    if (tolower(*at) == 'q' && is_digit(at[1])) {
        for (at += 2; *at == '_' && (isalnum((unsigned char)at[1]) || at[1] == '_');)
            at += 2;
        return *at == '\0';
    }
    at = tolower(*text) == 'b' ? text + 1 : text;
    if (tolower(*at++) != 'f')
        return false;
    if (tolower(*at) == 'p')
        at++;
    return strcmp(at, "16") == 0 || strcmp(at, "32") == 0;
}

static bool is_count(const char *text)
{
    size_t whole = digits(text);
    if (whole == 0)
        return false;
    text += whole;
    if ((*text == '.' || *text == '_') && digits(text + 1) > 0)
        text += 1 + digits(text + 1);
    if (!*text || !strchr("kmbtKMBT", *text++))
        return false;
    return *text == '\0' || (is_digit(*text) && text[1] == '\0');
}

/* "135M", "8x7B", "A3B", "7b1", "mini" */
static bool is_size(const char *text)
{
    static const char *const words[] = {"small", "mini", "medium", "large", "xl", "xxl"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(text, words[i]) == 0)
            return true;
    size_t experts = digits(text);
    if (tolower(*text) == 'a' && is_count(text + 1))
        return true;
    if (experts > 0 && tolower(text[experts]) == 'x' && is_count(text + experts + 1))
        return true;
    return is_count(text);
}

static bool is_finetune(const char *text)
{
    static const char *const words[] = {"chat", "instruct", "vision", "lora"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(text, words[i]) == 0)
            return true;
    return false;
}

/* "7b1" is 7.1B; a size ends in a capital; one that is far from the model's is the length of its
 * contexts, "128k". *text: room for one byte more. */
static void take_size(struct name_part *part, uint64_t elements)
{
    static const char letters[] = " KMBT";
    char *text = part->text;
    size_t length = strlen(text);
    for (size_t i = 0; i < length; i++)
        if (text[i] == '_')
            text[i] = '.';
    if (is_digit(text[length - 1])) {
        char fraction = text[length - 1], letter = text[length - 2];
        text[length - 2] = '.';
        text[length - 1] = fraction;
        text[length++] = letter;
        text[length] = '\0';
    }
    bool number = length > 1 && is_digit(text[length - 2]);
    if (number)
        text[length - 1] = (char)toupper(text[length - 1]);
    bool plain =
        strspn(text, "0123456789.") == length - 1 && strchr(text, '.') == strrchr(text, '.');
    if (number && plain) {
        double said =
            strtod(text, NULL) * pow(1000, (double)(strchr(letters, text[length - 1]) - letters));
        const uint64_t most = 7 * elements / 8;
        if (fabs(said - (double)elements) > (double)most) {
            part->kinds |= FINETUNE;
            text[length - 1] = (char)tolower(text[length - 1]);
        }
    }
    if (part->kinds == 0)
        part->kinds = SIZE;
}

static void annotate(struct name_part *part, bool first, uint64_t elements)
{
    if (is_version(part->text)) {
        part->kinds |= VERSION;
    } else if (is_type(part->text)) {
        part->kinds |= TYPE;
        for (char *c = part->text; *c; c++)
            *c = (char)toupper(*c);
    } else if (!first && is_size(part->text)) {
        take_size(part, elements);
    } else if (!first && is_finetune(part->text)) {
        part->kinds |= FINETUNE;
    }
}

/* --- all parts --- */

static bool has_letters_alone(const char *text)
{
    for (; *text; text++)
        if (!is_letter(*text))
            return false;
    return true;
}

/* Words are sizes where no number is. */
static void drop_words(struct name_part *parts, size_t count)
{
    bool number = false;
    for (size_t i = 0; i < count; i++)
        number |= (parts[i].kinds & SIZE) && strpbrk(parts[i].text, "0123456789");
    for (size_t i = 0; number && i < count; i++)
        if ((parts[i].kinds & SIZE) && has_letters_alone(parts[i].text))
            parts[i].kinds &= ~(unsigned)SIZE;
}

/* The basename is what stands first, with versions inside it; at its end they are the model's. What
 * follows and is not known is a fine-tune. */
static void find_basename(struct name_part *parts, size_t count)
{
    bool at_start = true;
    for (size_t i = 0; i < count; i++) {
        struct name_part *part = &parts[i];
        bool word = part->kinds == 0 && is_letter(part->text[0]);
        if (at_start && (word || (part->kinds & VERSION))) {
            part->kinds |= BASENAME;
        } else {
            at_start = false;
            if (part->kinds == 0)
                part->kinds = FINETUNE;
        }
    }
    for (size_t i = count; i-- > 0;) {
        if (!(parts[i].kinds & BASENAME) || parts[i].kinds == BASENAME)
            break;
        parts[i].kinds &= ~(unsigned)BASENAME;
    }
}

/* Of a size the first of each, of others all. */
static bool is_repeated(const struct name_part *parts, size_t at, enum part_kind kind)
{
    for (size_t i = 0; kind == SIZE && i < at; i++)
        if ((parts[i].kinds & kind) && strcmp(parts[i].text, parts[at].text) == 0)
            return true;
    return false;
}

/* The parts of a kind, hyphens between, newly allocated; *out stays NULL where there are none. */
static int join(char **out, const struct name_part *parts, size_t count, enum part_kind kind,
                struct error *err)
{
    struct buffer text = BUFFER_INIT;
    for (size_t i = 0; i < count; i++) {
        bool right = (parts[i].kinds & kind) && !(kind == VERSION && (parts[i].kinds & BASENAME));
        if (right && !is_repeated(parts, i, kind))
            buffer_format(&text, "%s%s", text.length > 0 ? "-" : "", parts[i].text);
    }
    if (buffer_check(&text, err) != 0) {
        buffer_free(&text);
        return -1;
    }
    *out = text.data;
    return 0;
}

/* --- the whole name --- */

/* "v0.2", "135m": they stay as they are. */
static bool is_number(const char *word, size_t length)
{
    char text[32];
    if (is_digit(word[0]))
        return true;
    if (word[0] != 'v' || length >= sizeof text)
        return false;
    memcpy(text, word, length);
    text[length] = '\0';
    return is_version(text);
}

static void put_word(struct buffer *out, const char *word, size_t length)
{
    bool lower = false, upper = false, inside = false;
    for (size_t i = 0; i < length; i++) {
        lower |= word[i] >= 'a' && word[i] <= 'z';
        upper |= word[i] >= 'A' && word[i] <= 'Z';
    }
    if (!lower || upper || is_number(word, length)) {
        buffer_append(out, word, length);
        return;
    }
    for (size_t i = 0; i < length; i++) {
        bool letter = isalpha((unsigned char)word[i]);
        buffer_byte(out, (char)(letter && !inside ? toupper(word[i]) : word[i]));
        inside = letter;
    }
}

/* "smollm2-135M" becomes "Smollm2 135M": words in lower case get capitals. */
static char *title(const char *id, size_t length, struct error *err)
{
    static const char borders[] = "- \t\r\n\v\f";
    struct buffer out = BUFFER_INIT;
    for (size_t at = 0, end; at < length; at = end) {
        while (at < length && strchr(borders, id[at]))
            at++;
        for (end = at; end < length && !strchr(borders, id[end]);)
            end++;
        if (end == at)
            break;
        if (out.length > 0)
            buffer_byte(&out, ' ');
        put_word(&out, id + at, end - at);
    }
    buffer_text(&out, "");
    if (buffer_check(&out, err) == 0)
        return out.data ? out.data : string_copy("", err);
    buffer_free(&out);
    return NULL;
}

/* A part takes the place of one that is not there yet. */
static void give(char **to, char **from)
{
    if (*to || !*from)
        return;
    *to = *from;
    *from = NULL;
}

static int split(struct name_part *parts, size_t *count, const char *name, struct error *err)
{
    for (const char *at = name; *at && *count < PARTS_MAX;) {
        size_t length = strcspn(at, "-");
        if (length > 0) {
            char *text = array_alloc(length + 2, 1, err); /* take_size() */
            if (!text)
                return -1;
            memcpy(text, at, length);
            parts[(*count)++].text = text;
        }
        at += length + (at[length] == '-');
    }
    return 0;
}

/* What follows from the parts: only where they say more than a basename. */
static int read_parts(struct gguf_name *out, struct name_part *parts, size_t count,
                      uint64_t elements, struct error *err)
{
    struct gguf_name found = {0};
    for (size_t i = 0; i < count; i++)
        annotate(&parts[i], i == 0, elements);
    drop_words(parts, count);
    find_basename(parts, count);
    int status = join(&found.size_label, parts, count, SIZE, err) == 0 &&
                         join(&found.finetune, parts, count, FINETUNE, err) == 0 &&
                         join(&found.version, parts, count, VERSION, err) == 0 &&
                         join(&found.basename, parts, count, BASENAME, err) == 0
                     ? 0
                     : -1;
    if (status == 0) {
        if (found.size_label || found.finetune || found.version)
            give(&out->basename, &found.basename);
        give(&out->finetune, &found.finetune);
        give(&out->version, &found.version);
        give(&out->size_label, &found.size_label);
    }
    gguf_name_free(&found);
    return status;
}

int gguf_name_read(struct gguf_name *out, const char *id, uint64_t elements, struct error *err)
{
    struct name_part parts[PARTS_MAX] = {{NULL, 0}};
    size_t count = 0;
    const char *slash = strchr(id, ' ') ? NULL : strchr(id, '/'), *name = slash ? slash + 1 : id;
    char *whole = title(name, strlen(name), err), *organization = NULL;
    if (whole && slash && id[0] != '.')
        organization = title(id, (size_t)(slash - id), err);
    int status = whole && (!slash || id[0] == '.' || organization) ? 0 : -1;
    /* A sentence is a name and nothing else. */
    if (status == 0 && !strchr(id, ' '))
        status = split(parts, &count, name, err);
    if (status == 0 && count > 0)
        status = read_parts(out, parts, count, elements, err);
    if (status == 0) {
        give(&out->name, &whole);
        give(&out->organization, &organization);
    }
    for (size_t i = 0; i < count; i++)
        free(parts[i].text);
    free(whole);
    free(organization);
    return status;
}

/* Two digits at least: "1.2B", "135M". */
int gguf_name_size(struct gguf_name *out, uint64_t elements, struct error *err)
{
    static const struct {
        double above, scale;
        char letter;
    } units[] = {{1e12, 1e-12, 'T'}, {1e9, 1e-9, 'B'}, {1e6, 1e-6, 'M'}, {-1, 1e-3, 'K'}};
    char text[48];
    size_t unit = 0;
    while ((double)elements <= units[unit].above)
        unit++;
    double scaled = (double)elements * units[unit].scale, whole = nearbyint(scaled);
    int places = whole == 0 ? 2 : whole < 10 ? 1 : 0;
    snprintf(text, sizeof text, "%.*f%c", places, scaled, units[unit].letter);
    out->size_label = string_copy(text, err);
    return out->size_label ? 0 : -1;
}

void gguf_name_free(struct gguf_name *name)
{
    free(name->name);
    free(name->organization);
    free(name->basename);
    free(name->finetune);
    free(name->version);
    free(name->size_label);
}
