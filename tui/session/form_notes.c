#include "tui/session/form_notes.h"

#include "base/text.h"
#include "model/model.h"

#include <stdio.h>
#include <string.h>

/* "of the first 400 records 12 are cut off and 3 left out" */
static void put_cuts(const struct cut_counts *counts, char *out, size_t size)
{
    char cuts[128];
    cut_counts_put(counts, cuts, sizeof cuts);
    snprintf(out, size, "of %s%zu record%s %s: longer than a row", counts->more ? "the first " : "",
             counts->records, text_s(counts->records), cuts);
}

static enum form_note note_length(const struct session *session, char *brief, size_t brief_size,
                                  char *whole, size_t whole_size)
{
    const struct model_config *config = &session->model->config;
    const struct training_estimate *cost = &session->form_cost;
    struct training_request request;
    struct cut_counts counts;
    settings_request(&session->settings, &request);
    int64_t length = request.seq_len;
    bool beyond = session->model->architecture && config->max_positions > 0 &&
                  length > config->max_positions && !request.rope_scaling;
    training_request_free(&request);
    if (beyond && config->rope_scaling == ROPE_DYNAMIC && !cost->known) {
        snprintf(brief, brief_size, "beyond %lld positions", (long long)config->max_positions);
        snprintf(whole, whole_size, "%s", cost->why);
        return NOTE_WRONG;
    }
    if (data_lengths_count(&counts, &session->lengths, &session->settings) &&
        counts.dropped + counts.truncated + counts.split > 0) {
        size_t longer = counts.dropped + counts.truncated + counts.split;
        snprintf(brief, brief_size, "%zu of %zu records longer", longer, counts.records);
        put_cuts(&counts, whole, whole_size);
        return NOTE_COSTS;
    }
    if (beyond) {
        snprintf(brief, brief_size, "beyond %lld positions", (long long)config->max_positions);
        snprintf(whole, whole_size,
                 "The model has %lld positions: what is longer goes where it was never trained "
                 "(RoPE scaling stretches them).",
                 (long long)config->max_positions);
        return NOTE_COSTS;
    }
    return NOTE_NONE;
}

/* A limit that the run does not keep to, with every block recomputed. */
static enum form_note note_limit(const struct session *session, char *brief, size_t brief_size,
                                 char *whole, size_t whole_size)
{
    const struct training_estimate *cost = &session->form_cost;
    struct training_request request;
    struct training_room room;
    settings_request(&session->settings, &request);
    training_room_look(&room, cost, &request);
    bool over = room.asked && !room.fits;
    if (over) {
        struct buffer text = BUFFER_INIT;
        snprintf(brief, brief_size, "the run takes %s", bytes_text((double)cost->total).text);
        buffer_format(&text, "The run takes %s, with every block recomputed; ",
                      bytes_text((double)cost->total).text);
        training_memory_remedy(&text, &request);
        settings_words(buffer_string(&text), whole, whole_size);
        buffer_free(&text);
    }
    training_request_free(&request);
    return over ? NOTE_WRONG : NOTE_NONE;
}

/* Does a text name the option, "--optimizer" and not "--optimizer-states"? */
static bool names_option(const char *text, const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    size_t length = strlen(name);
    for (const char *at = text; (at = strstr(at, "--")); at += 2)
        if (strncmp(at + 2, name, length) == 0 && strspn(at + 2, letters) == length)
            return true;
    return false;
}

/* What the engine cannot do, beside each field that the reason names. Wrong values say so first. */
static enum form_note note_engine(const struct session *session, size_t field, char *brief,
                                  size_t brief_size, char *whole, size_t whole_size)
{
    struct training_request request;
    struct error err = ERROR_INIT;
    settings_request(&session->settings, &request);
    bool wrong = request.data.count > 0 && training_check_together(&request, &err) != 0 &&
                 names_option(err.text, training_options.rows[field].name);
    training_request_free(&request);
    if (!wrong)
        return NOTE_NONE;
    settings_words(err.text, whole, whole_size);
    snprintf(brief, brief_size, "not by this engine");
    return NOTE_WRONG;
}

enum form_note form_note(const struct session *session, size_t field, char *brief,
                         size_t brief_size, char *whole, size_t whole_size)
{
    brief[0] = whole[0] = '\0';
    if (settings_launches(&session->settings) &&
        note_engine(session, field, brief, brief_size, whole, whole_size) == NOTE_WRONG)
        return NOTE_WRONG;
    if (session->model && field == SETTING(seq_len))
        return note_length(session, brief, brief_size, whole, whole_size);
    if (session->model && field == SETTING(memory_limit))
        return note_limit(session, brief, brief_size, whole, whole_size);
    return NOTE_NONE;
}

bool form_look(struct session *session, enum look_array most)
{
    struct cut_counts known;
    struct data_look look;
    struct error err = ERROR_INIT;
    char why[ERROR_TEXT_MAX];
    const struct settings *settings = &session->settings;
    size_t count = settings_count(settings, SETTING(data));
    if (count == 0 || data_lengths_count(&known, &session->lengths, settings))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!settings_check(settings, SETTING(data), i, why, sizeof why))
            return false;
    if (data_look_read(&look, session->model, settings, NULL, most, &err) != 0)
        return false;
    data_lengths_keep(&session->lengths, &look, settings, NULL);
    data_look_free(&look);
    return true;
}

/* A text that is split is learned from all the same. */
bool form_cuts_most(const struct session *session, char *out, size_t size)
{
    struct cut_counts counts;
    if (!data_lengths_count(&counts, &session->lengths, &session->settings) ||
        2 * (counts.dropped + counts.truncated) < counts.records || counts.records == 0)
        return false;
    put_cuts(&counts, out, size);
    return true;
}
