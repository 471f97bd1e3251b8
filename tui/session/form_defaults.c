#include "tui/session/form_defaults.h"

#include "base/folder.h"
#include "base/sys.h"
#include "job/job_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "runs/<model>-", to which a number is added. */
static int put_run_prefix(const struct session *session, char out[SETTING_VALUE_MAX])
{
    const char *slash = strrchr(session->title, '/'), *name = slash ? slash + 1 : session->title;
    return snprintf(out, SETTING_VALUE_MAX, "runs/%.200s-", name);
}

/* runs/<model>-1, or the first number that is free. */
static void find_run(const struct session *session, char *out)
{
    int length = put_run_prefix(session, out);
    for (int i = 1; i < 10000; i++) {
        snprintf(out + length, SETTING_VALUE_MAX - (size_t)length, "%d", i);
        if (sys.access(out, F_OK) != 0)
            return;
    }
}

/* Beside the demonstration's model lie its texts: what it has not seen yet, else what it has. */
static bool find_demo_text(const struct session *session, char out[SETTING_VALUE_MAX])
{
    static const char *const texts[] = {"problems.jsonl", "shakespeare.txt"};
    char path[SETTING_VALUE_MAX];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int length = snprintf(path, sizeof path, "%s/../text/%s", session->source, texts[i]);
        bool fits = length > 0 && (size_t)length < sizeof path;
        char *whole = fits ? sys.realpath(path, NULL) : NULL;
        bool found = whole && strlen(whole) < SETTING_VALUE_MAX;
        if (found)
            memcpy(out, whole, strlen(whole) + 1);
        free(whole);
        if (found)
            return true;
    }
    return false;
}

/* A tiny model and a tiny text get a minute of steps in which one can see it learn; what was typed
 * or taken from a preset stays. The learning rate is AdamW's: beside another optimiser it is left to
 * what follows from that (settings_set() takes it back where one is turned to). */
static void propose_demo(struct settings *settings)
{
    struct training_request request;
    settings_request(settings, &request);
    bool adamw = !optimizer_rows[request.optimizer].small_rate;
    training_request_free(&request);
    const struct {
        size_t field;
        const char *value;
    } demo[] = {
        {SETTING(steps), "60"},     {SETTING(seq_len), "256"}, {SETTING(batch), "4"},
        {SETTING(accumulate), "1"}, {SETTING(rate), "5e-4"},   {SETTING(eval_every), "20"},
    };
    for (size_t i = 0; i < sizeof demo / sizeof *demo; i++)
        if (settings_count(settings, demo[i].field) == 0 &&
            (adamw || demo[i].field != SETTING(rate)))
            settings_propose(settings, demo[i].field, demo[i].value);
}

void form_propose(const struct session *session, struct settings *settings)
{
    char text[SETTING_VALUE_MAX];
    if (settings_count(settings, SETTING(data)) == 0 && find_demo_text(session, text)) {
        settings_propose(settings, SETTING(data), text);
        propose_demo(settings);
    }
    const char *run = settings_value(settings, SETTING(run));
    if (!run[0] || job_dir_has(run, "job.json")) {
        find_run(session, text);
        settings_propose(settings, SETTING(run), text);
    }
    /* A sequence is at most what the model was made for. */
    int64_t most = session->model->architecture ? session->model->config.max_positions : 0;
    struct training_request request;
    settings_request(settings, &request);
    snprintf(text, sizeof text, "%lld", (long long)most);
    if (most > 0 && request.seq_len > most &&
        settings->fields[SETTING(seq_len)].origin < SETTING_PRESET)
        settings_propose(settings, SETTING(seq_len), text);
    training_request_free(&request);
}

void form_defaults(struct session *session)
{
    form_propose(session, &session->settings);
}

bool form_defaults_run(struct session *session)
{
    struct settings *settings = &session->settings;
    char prefix[SETTING_VALUE_MAX], run[SETTING_VALUE_MAX];
    int length = put_run_prefix(session, prefix);
    snprintf(run, sizeof run, "%s", settings_value(settings, SETTING(run)));
    bool proposed = strncmp(run, prefix, (size_t)length) == 0 && run[length] &&
                    !run[length + (int)strspn(run + length, "0123456789")];
    if (!proposed || folder_is_empty(run))
        return false;
    find_run(session, run);
    return settings_propose(settings, SETTING(run), run);
}
