#include "tui/session/settings.h"

#include "base/text.h"
#include "job/job_create.h"
#include "job/job_dir.h"
#include "job/lock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option *row_of(size_t field)
{
    return &training_options.rows[field];
}

/* --- names to turn through --- */

/* In front of the names of a row without a default stands "auto": nothing is said. */
static const char *choice_at(size_t field, int n)
{
    static const char *const answers[] = {"no", "yes"};
    const struct option *row = row_of(field);
    if (row->kind == OPTION_FLAG)
        return answers[n != 0];
    if (!row->preset)
        return n == 0 ? "auto" : row->choices[n - 1];
    return row->choices[n];
}

int setting_choice_count(size_t field)
{
    const struct option *row = row_of(field);
    if (row->kind == OPTION_FLAG)
        return 2;
    return row->choices ? option_choice_count(row) + !row->preset : 0;
}

int setting_choice(size_t field, const char *value)
{
    for (int i = 0; i < setting_choice_count(field); i++)
        if (strcmp(choice_at(field, i), value) == 0)
            return i;
    return -1;
}

void setting_put_choices(struct buffer *out, size_t field)
{
    for (int i = 0; i < setting_choice_count(field); i++)
        buffer_format(out, "%s%s", i ? "|" : "", choice_at(field, i));
}

/* A path may have names, too (a template's), but is typed as well. */
bool setting_is_turned(size_t field)
{
    return setting_choice_count(field) > 0 && row_of(field)->kind != OPTION_PATH;
}

/* Round and round; from a value that is none of the names, to the first. */
void settings_turn(struct settings *settings, size_t field, int by)
{
    int count = setting_choice_count(field), now = setting_choice(field, settings->values[field]);
    if (count < 1)
        return;
    snprintf(settings->values[field], SETTING_VALUE_MAX, "%s",
             choice_at(field, ((now < 0 ? 0 : now + by) % count + count) % count));
}

/* --- values --- */

/* The default as it would be typed; of a row with names and no default the first, "auto" or "no".
 */
const char *setting_preset(size_t field)
{
    const struct option *row = row_of(field);
    if (row->preset)
        return row->preset;
    return setting_choice_count(field) > 0 ? choice_at(field, 0) : "";
}

void settings_init(struct settings *settings)
{
    for (size_t i = 0; i < training_options.count; i++)
        snprintf(settings->values[i], SETTING_VALUE_MAX, "%s",
                 row_of(i)->label ? setting_preset(i) : "");
}

bool settings_is_empty(const struct settings *settings, size_t field)
{
    const char *value = settings->values[field];
    return !value[0] || (!row_of(field)->preset && setting_choice(field, value) == 0);
}

/* Is it a field, and does this request make something of it? */
static bool counts(const struct option *row, const struct training_request *request)
{
    return row->label && (!row->applies || row->applies(request));
}

/* What was typed, whether it counts or not. */
static void read_fields(const struct settings *settings, struct training_request *out)
{
    training_request_init(out);
    for (size_t i = 0; i < training_options.count; i++)
        if (row_of(i)->label && !settings_is_empty(settings, i) &&
            option_set(row_of(i), out, settings->values[i], NULL) == 0)
            option_give(&out->given, i);
}

/* In two steps, as whether a row counts is asked of a request: first all that was typed, then what
 * does not count there is set back to its default, and what follows from others is filled in. */
void settings_request(const struct settings *settings, struct training_request *out)
{
    read_fields(settings, out);
    for (size_t i = 0; i < training_options.count; i++)
        if (row_of(i)->label && !counts(row_of(i), out))
            option_reset(row_of(i), out);
    training_request_fill(out);
}

enum training_method settings_method(const struct settings *settings)
{
    return method_by_name(settings->values[SETTING(method)]);
}

bool settings_uses(const struct settings *settings, size_t field)
{
    struct training_request request;
    settings_request(settings, &request);
    bool uses = counts(row_of(field), &request);
    training_request_free(&request);
    return uses;
}

/* What is left to follow from others is shown with what follows: "auto (2e-4)". */
void settings_show(const struct settings *settings, size_t field, char *out, size_t size)
{
    const char *value = settings->values[field];
    struct training_request request;
    read_fields(settings, &request);
    training_request_fill(&request);
    if (field == SETTING(frozen) && strcmp(value, "auto") == 0)
        snprintf(out, size, "auto (%s)", option_choice_name(row_of(field), &request));
    else if (field == SETTING(rate) && !value[0])
        snprintf(out, size, "auto (%s)", training_default_rate_text(&request));
    else if (field == SETTING(alpha) && !value[0])
        snprintf(out, size, "auto (%lld)", 2 * (long long)request.rank);
    else
        snprintf(out, size, "%s", value);
    training_request_free(&request);
}

/* --- what is wrong --- */

/* Four questions, until one is answered with a reason: is it missing; is it a value at all, by its
 * row's kind and bounds; is it what a run would cut or refuse only later, or in more words than a
 * field has room for; and what does the trainer's own check say of it. */
bool settings_check(const struct settings *settings, size_t field, char *why, size_t size)
{
    const struct option *row = row_of(field);
    struct training_request request;
    struct error err = ERROR_INIT;
    why[0] = '\0';
    if (!row->preset && settings_is_empty(settings, field)) {
        if (row->needed)
            snprintf(why, size, "name a %sfolder", row->kind == OPTION_PATHS ? "file or a " : "");
        return !row->needed;
    }
    /* a flag's "yes" and "no" are the form's own */
    if (row->kind != OPTION_FLAG && !option_takes(row, settings->values[field], why, size))
        return false;
    settings_request(settings, &request); /* what is wrong may depend on the other fields */
    const char *value = settings->values[field];
    if (field == SETTING(run) && job_dir_is_taken(value)) {
        snprintf(why, size, "holds a job (%s): name another", job_state_name(job_state(value)));
    } else if (field == SETTING(warmup) && request.steps > 0 && request.warmup >= 1 &&
               request.warmup > (double)request.steps) {
        snprintf(why, size, "more than the steps");
    } else if (row->check && row->check(&request, TRAINING_ASKED, &err) != 0) {
        char prefix[64]; /* the option's name, which the field has already */
        int length = snprintf(prefix, sizeof prefix, "--%s: ", row->name);
        bool named = strncmp(err.text, prefix, (size_t)length) == 0;
        utf8_copy(why, size, err.text + (named ? length : 0));
        if (!why[0])
            snprintf(why, size, "it cannot be used");
    }
    training_request_free(&request);
    return !why[0];
}

size_t settings_first_wrong(const struct settings *settings, char *why, size_t size)
{
    for (size_t i = 0; i < training_options.count; i++) {
        char reason[ERROR_TEXT_MAX];
        if (!settings_uses(settings, i) || settings_check(settings, i, reason, sizeof reason))
            continue;
        snprintf(why, size, "%s: %s", row_of(i)->label, reason);
        return i;
    }
    return training_options.count;
}
