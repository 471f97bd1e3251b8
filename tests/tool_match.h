/* How the tools that read plans choose tensors of the loaded model, written anew from their code:
 *
 *     Axolotl 0.19 to 0.21, utils/freeze.py, freeze_layers_except(): each "." that no "+" follows
 *         becomes "\.", then re.match
 *     TRL's recipe and spectrum.py's readers: re.match as the line stands
 *     PEFT 0.21, tuners/tuners_utils.py, check_target_module_exists(): the module's name, or its end
 *         behind a dot
 *     ms-swift 4.6, utils/transformers_utils.py, activate_parameters(): what begins with one of the
 *         names, and what re.search finds by the pattern
 */
#ifndef SPECTRUM_TESTS_TOOL_MATCH_H
#define SPECTRUM_TESTS_TOOL_MATCH_H

#include "base/regex.h"
#include "base/text.h"
#include "plan/plan_write.h"

#include <stdlib.h>
#include <string.h>

enum tool { TOOL_AXOLOTL, TOOL_TRL, TOOL_PEFT, TOOL_MS_SWIFT, TOOL_EXACT };

/* Sets those of the names that a regular expression finds; `whole`: from the beginning on. */
static inline void tool_regex(bool *chosen, const char *const *names, size_t count,
                              const char *pattern, bool whole)
{
    struct buffer anchored = BUFFER_INIT;
    buffer_format(&anchored, whole ? "^(?:%s)" : "%s", pattern);
    struct regex *regex = regex_new(buffer_string(&anchored), NULL);
    for (size_t i = 0; regex && i < count; i++)
        chosen[i] |= !chosen[i] && regex_search(regex, names[i], NULL) == 1;
    regex_free(regex);
    buffer_free(&anchored);
}

static inline void tool_axolotl(bool *chosen, const char *const *names, size_t count,
                                const char *pattern)
{
    struct buffer escaped = BUFFER_INIT;
    for (; *pattern; pattern++) {
        if (*pattern == '.' && pattern[1] != '+')
            buffer_byte(&escaped, '\\');
        buffer_byte(&escaped, *pattern);
    }
    tool_regex(chosen, names, count, buffer_string(&escaped), true);
    buffer_free(&escaped);
}

/* The modules' weights: an adapter stands beside each. */
static inline void tool_peft(bool *chosen, const char *const *names, size_t count,
                             const char *target)
{
    size_t length = strlen(target);
    for (size_t i = 0; i < count; i++) {
        size_t module = module_name_length(names[i]);
        bool ends = module >= length && names[i][module] &&
                    strncmp(names[i] + module - length, target, length) == 0;
        chosen[i] |= ends && (module == length || names[i][module - length - 1] == '.');
    }
}

static inline void tool_ms_swift(bool *chosen, const char *const *names, size_t count, char *text)
{
    static const char option[] = "--trainable_parameters_regex '";
    char *pattern = strstr(text, option), *rest = NULL;
    if (pattern) {
        pattern[-1] = '\0';
        pattern += strlen(option);
        *strchr(pattern, '\'') = '\0';
        tool_regex(chosen, names, count, pattern, false);
    }
    text = strstr(text, "--trainable_parameters") + strlen("--trainable_parameters");
    for (char *name = strtok_r(text, " \n", &rest); name; name = strtok_r(NULL, " \n", &rest))
        for (size_t i = 0; i < count; i++)
            chosen[i] |= strncmp(names[i], name, strlen(name)) == 0;
}

/* Which of the names a tool trains by a plan's text, which is cut up. chosen: [count], all false */
static inline void tool_choose(enum tool tool, bool *chosen, const char *const *names, size_t count,
                               char *text)
{
    char *rest = NULL;
    if (tool == TOOL_MS_SWIFT) {
        tool_ms_swift(chosen, names, count, text);
        return;
    }
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char *item = strncmp(line, "- ", 2) == 0 ? line + 2 : NULL;
        char *end = line[0] == '"' ? strchr(line + 1, '"') : NULL;
        if (item && tool == TOOL_AXOLOTL)
            tool_axolotl(chosen, names, count, item);
        else if (item && tool == TOOL_TRL)
            tool_regex(chosen, names, count, item, true);
        else if (item && tool == TOOL_PEFT)
            tool_peft(chosen, names, count, item);
        for (size_t i = 0; end && tool == TOOL_EXACT && i < count; i++)
            chosen[i] |= strlen(names[i]) == (size_t)(end - line - 1) &&
                         strncmp(names[i], line + 1, (size_t)(end - line - 1)) == 0;
    }
}

/* Who reads a format. */
static inline enum tool tool_of(enum plan_format format)
{
    return format == PLAN_AXOLOTL    ? TOOL_AXOLOTL
           : format == PLAN_PEFT     ? TOOL_PEFT
           : format == PLAN_MS_SWIFT ? TOOL_MS_SWIFT
           : format == PLAN_JSON     ? TOOL_EXACT
                                     : TOOL_TRL;
}

#endif
