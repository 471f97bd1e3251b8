#include "tui/app/words.h"

#include <stdio.h>
#include <string.h>

/* A word that was begun, and what it may become. */
struct proposal {
    const char *typed;
    struct candidates list;
};

static void take(void *context, const char *name)
{
    struct proposal *proposal = context;
    candidates_add(&proposal->list, name, proposal->typed);
}

static void add_commands(struct proposal *proposal, enum key_scope scope)
{
    size_t count;
    const struct request_info *table = request_table(&count);
    for (size_t i = 0; i < count; i++)
        if (table[i].scopes & (unsigned)scope)
            take(proposal, table[i].name);
}

/* What computes scans: what is always there, and what the scan's job found. */
static void add_devices(struct proposal *proposal, const struct scan_devices *devices)
{
    take(proposal, "auto");
    take(proposal, "cpu");
    take(proposal, "reference");
    for (int i = 0; i < devices->count; i++)
        take(proposal, devices->all[i].id);
}

/* Of other arguments, a number or a text, nothing can be proposed. */
static void add_arguments(struct proposal *proposal, const struct app *app,
                          const struct request_info *info)
{
    if (request_takes_file(info))
        candidates_add_paths(&proposal->list, proposal->typed);
    else if (info->request == REQUEST_METRIC)
        for (int i = 0; i < METRIC_COUNT; i++)
            take(proposal, metric_name((enum metric)i));
    else if (info->request == REQUEST_BY)
        for (int i = 0; i < ORDER_COUNT; i++)
            take(proposal, plan_order_names[i]);
    else if (info->request == REQUEST_THEME)
        theme_each_name(take, proposal);
    else if (info->request == REQUEST_DEVICE)
        add_devices(proposal, &app->session.feed.devices);
    else if (info->request == REQUEST_FIELD)
        for (size_t i = 0; i < training_options.count; i++)
            if (settings_uses(&app->session.settings, i))
                take(proposal, training_options.rows[i].label);
}

/* A command that takes an argument is followed by a blank. */
static const char *end_of(const struct proposal *proposal, bool command)
{
    const char *argument;
    bool sure;
    const struct request_info *info =
        command && proposal->list.count == 1
            ? request_from_line(proposal->list.words[0], &argument, &sure)
            : NULL;
    return info && info->argument ? " " : "";
}

/* What stands before the cursor is a command that was begun, or a command and an argument, or of a request
 * that asks for its argument that alone. */
void app_propose(struct app *app)
{
    struct prompt *prompt = &app->prompt;
    char before[PROMPT_MAX];
    snprintf(before, sizeof before, "%.*s", (int)prompt->edit.cursor, prompt->text);
    const char *argument = before;
    const struct request_info *info = request_find(prompt->request);
    bool command = prompt->request == REQUEST_PROMPT, sure;
    if (command && strchr(before, ' ')) {
        info = request_from_line(before, &argument, &sure);
        command = false;
    }
    bool quoted = !command && request_takes_file(info) && argument[0] == '"';
    struct proposal proposal = {.typed = argument + quoted};
    if (command)
        add_commands(&proposal, app->stack[app->depth - 1].class->scope);
    else if (info)
        add_arguments(&proposal, app, info);
    if (proposal.list.count == 0)
        app_message(app, "nothing to propose begins with \"%s\"", proposal.typed);
    prompt_propose(prompt, proposal.typed, &proposal.list, end_of(&proposal, command));
}
