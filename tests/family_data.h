/* The families of tests/data/model/families.txt: what their files hold, and what transformers calls
 * that once it has loaded the model. The file's head explains its form. */
#ifndef SPECTRUM_TESTS_FAMILY_DATA_H
#define SPECTRUM_TESTS_FAMILY_DATA_H

#include "test.h"

#include "base/buffer.h"
#include "base/text.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum { FAMILY_TENSORS = 4096, FAMILY_NAME = 256, FAMILY_LINES = 512 };

struct family_tensor {
    char file[FAMILY_NAME], loaded[4 * FAMILY_NAME]; /* "|" between several; "-": no parameter */
    int rank;
};

struct family_data {
    struct family_tensor tensors[FAMILY_TENSORS];
    size_t count;
};

/* A name with the numbers of another in place of its "*"s. */
static inline void family_fill(char *out, size_t size, const char *pattern, const char *numbers)
{
    size_t length = 0;
    const char *at = numbers;
    for (; *pattern && length + 1 < size; pattern++) {
        if (*pattern == '|') /* of several each has all the numbers */
            at = numbers;
        if (*pattern != '*') {
            out[length++] = *pattern;
            continue;
        }
        for (; *at && !((at == numbers || at[-1] == '.') && isdigit((unsigned char)*at)); at++)
            ;
        while (isdigit((unsigned char)*at) && length + 1 < size)
            out[length++] = *at++;
    }
    out[length] = '\0';
}

/* Adds the tensors of a name in which "0-3" stands for four, as far as whole components go. */
static inline void family_expand(struct family_data *out, const char *name, const char *loaded,
                                 int rank)
{
    for (const char *at = name; *at; at++) {
        int first, last, end = 0;
        bool begins = at == name || at[-1] == '.';
        if (!begins || sscanf(at, "%d-%d%n", &first, &last, &end) != 2 ||
            (at[end] && at[end] != '.'))
            continue;
        for (int i = first; i <= last; i++) {
            char one[FAMILY_NAME];
            snprintf(one, sizeof one, "%.*s%d%s", (int)(at - name), name, i, at + end);
            family_expand(out, one, loaded, rank);
        }
        return;
    }
    assert_true(out->count < FAMILY_TENSORS);
    struct family_tensor *is = &out->tensors[out->count++];
    is->rank = rank;
    snprintf(is->file, sizeof is->file, "%s", name);
    family_fill(is->loaded, sizeof is->loaded, loaded, name);
}

/* "0-3" as "*": what a number of the name is in that of the loaded model. */
static inline void family_star(char *out, size_t size, const char *name)
{
    size_t length = 0;
    while (*name && length + 1 < size) {
        size_t digits = strspn(name, "0123456789"), more = digits && name[digits] == '-' ? 1 : 0;
        if (more)
            more += strspn(name + digits + 1, "0123456789");
        bool whole = digits && (!name[digits + more] || name[digits + more] == '.') &&
                     (length == 0 || out[length - 1] == '.');
        if (whole) {
            out[length++] = '*';
            name += digits + more;
        } else {
            out[length++] = *name++;
        }
    }
    out[length] = '\0';
}

static inline void family_join(char *out, size_t size, const char *parent, const char *name)
{
    bool inside = strcmp(parent, ".") != 0;
    int length = snprintf(out, size, "%s%s%s", inside ? parent : "", inside ? "." : "", name);
    assert_true((size_t)length < size);
}

/* "PARENT [> PARENT] = TOKEN...". */
static inline void family_line(struct family_data *out, const char *line)
{
    char text[8192], *rest = NULL, *lead, *tokens, parent[FAMILY_NAME], loaded_parent[FAMILY_NAME];
    snprintf(text, sizeof text, "%s", line);
    tokens = strstr(text, " = ");
    assert_non_null(tokens);
    *tokens = '\0';
    lead = strstr(text, " > ");
    if (lead)
        *lead = '\0';
    snprintf(parent, sizeof parent, "%.255s", text);
    family_star(loaded_parent, sizeof loaded_parent, lead ? lead + 3 : parent);
    for (char *token = strtok_r(tokens + 3, " ", &rest); token;
         token = strtok_r(NULL, " ", &rest)) {
        char name[FAMILY_NAME], leaf[FAMILY_NAME], star[FAMILY_NAME], loaded[4 * FAMILY_NAME];
        char *target = strchr(token, '>'), *rank, *bare;
        if (target)
            *target++ = '\0';
        if ((rank = strchr(token, ':')))
            *rank++ = '\0';
        if ((bare = strchr(token, '!')))
            *bare = '\0';
        snprintf(leaf, sizeof leaf, "%.200s%s", token, bare ? "" : ".weight");
        family_join(name, sizeof name, parent, leaf);
        family_star(star, sizeof star, leaf);
        family_join(loaded, sizeof loaded, loaded_parent, star);
        family_expand(out, name, target ? target : loaded, rank ? atoi(rank) : 2);
    }
}

/* Calls `look` for each family of the file, with what it holds. */
static inline size_t families_each(const char *path, void (*look)(const char *type, bool tied,
                                                                  const struct family_data *data))
{
    static struct family_data data;
    static char *shared[FAMILY_LINES], line[8192];
    char kinds[4096] = "";
    size_t families = 0, shared_count = 0;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    for (bool more = true; more;) {
        more = fgets(line, sizeof line, file) != NULL;
        line[strcspn(line, "\n")] = '\0';
        if ((!more || line[0] == '@') && kinds[0]) {
            char *rest = NULL;
            for (char *kind = strtok_r(kinds, " ", &rest); kind;
                 kind = strtok_r(NULL, " ", &rest)) {
                size_t length = strcspn(kind, "+");
                bool tied = kind[length] == '+';
                kind[length] = '\0';
                look(kind, tied, &data);
                families++;
            }
            kinds[0] = '\0';
        }
        if (!more)
            break;
        if (line[0] == '@') {
            snprintf(kinds, sizeof kinds, "%.4095s", line + 2);
            data.count = 0;
        } else if (line[0] == '%' && !kinds[0]) {
            assert_true(shared_count < FAMILY_LINES);
            shared[shared_count++] = strdup(strchr(line, ' ') + 1);
        } else if (line[0] == '%') {
            char *rest = NULL;
            for (char *one = strtok_r(line, " ", &rest); one; one = strtok_r(NULL, " ", &rest))
                family_line(&data, shared[atoi(one + 1)]);
        } else if (line[0] && line[0] != '#') {
            family_line(&data, line);
        }
    }
    fclose(file);
    for (size_t i = 0; i < shared_count; i++)
        free(shared[i]);
    return families;
}

#endif
