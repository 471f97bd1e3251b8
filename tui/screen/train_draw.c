/* How the training form looks: fields, what is said of one, what the run takes.
 *
 *     ▶ data              /home/u/text/problems.jsonl▏                       ✓
 *       method            spectrum                                           ✓
 *       steps             0                                                  from 1 to 1000000000
 *     ↓ sequence length   256                                                ✓
 *
 *       --data  .txt, .jsonl, .json or a folder; Tab completes, Ctrl-D looks at it      HINT_ROWS
 *
 *       61,440 tokens in all, memory 95.1 MiB of 22.9 GiB                               the summary
 *       disk: up to 2 checkpoints of 13.0 MiB at once; 78.6 GiB are left there
 *       weights     12.8 MiB  █████                                                     with room
 *       gradients   4.31 MiB  ██
 *
 * Fields get what room is left, and scroll by halves of it (parts.h); the bars stay in sight where
 * fields can be seen beside them. In a window of BARS + COMMAND columns disk and command stand
 * beside the bars.
 */
#include "tui/screen/train_draw.h"

#include "base/limits.h"
#include "base/text.h"
#include "job/launch.h"
#include "tui/screen/launch_train.h"
#include "tui/screen/parts.h"
#include "tui/session/wording.h"
#include "tui/widget/flow.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    LABELS = 20,
    VALUES = 34,
    MORE_VALUES = 20,
    CHECKS = 26,
    HINT_ROWS = 2,
    SUMMARY_ROWS = 2, /* memory, disk */
    FIELD_ROWS = 16,  /* so many at least beside the bars */
    BARS = 60,
    COMMAND = 50
};

/* A label, its value, and a mark: ✓, or in few words what is wrong. */
static void draw_field(struct app *app, struct area area, size_t field, bool here, bool fresh)
{
    const struct settings *settings = &app->session.settings;
    const struct theme *theme = &app->theme;
    char why[ERROR_TEXT_MAX], shown[SETTING_VALUE_MAX];
    bool right = settings_check(settings, field, why, sizeof why);
    settings_show(settings, field, shown, sizeof shown);
    enum theme_role role = strcmp(settings->values[field], shown) == 0 ? THEME_TEXT : THEME_DIM;
    struct style value =
        here ? theme_style_on(theme, role, THEME_SELECTED) : theme_style(theme, role);
    utf8_sanitize(shown);
    area_put(area, 0, 0, theme_style(theme, THEME_ACCENT), here ? "▶" : " ");
    area_label(area, 2, 0, LABELS - 3, theme_style(theme, here ? THEME_TEXT : THEME_DIM),
               training_options.rows[field].label);
    /* in a wide window values get more columns, and reasons still have room */
    int columns =
        area.width < LABELS + VALUES + MORE_VALUES + CHECKS ? VALUES : VALUES + MORE_VALUES;
    int room = area.width - LABELS - columns - 1;
    struct area box = area_part(area, LABELS, 0, columns, 1);
    if (here)
        area_fill(box, value);
    /* the end of a long value is where one types; a mark says that there is more before it */
    const char *tail = shown;
    bool cut = text_columns(shown) > columns - 1;
    while (cut && text_columns(tail) > columns - 2)
        for (tail++; ((unsigned char)*tail & 0xC0) == 0x80;)
            tail++;
    if (here && fresh && !setting_is_turned(field))
        value.attributes |= ATTRIBUTE_UNDERLINE;
    int x = area_put(box, 0, 0, value, cut ? "…" : "");
    x += area_put(area_part(box, x, 0, columns - x, 1), 0, 0, value, tail);
    if (here && !setting_is_turned(field))
        area_put(box, x, 0, theme_style(theme, THEME_ACCENT), "▏");
    /* a reason that does not fit is a mark here; the field's hint says it whole */
    area_put(area, LABELS + columns + 1, 0, theme_style(theme, right ? THEME_GOOD : THEME_ERROR),
             right                       ? "✓"
             : text_columns(why) <= room ? why
                                         : "!");
}

/* The row's help lists the names; what the chosen one does is said here. */
static const char *const method_help[METHOD_COUNT] = {
    [METHOD_FULL] = "everything trains",
    [METHOD_SPECTRUM] = "the plan's matrices train, the others are frozen",
    [METHOD_LORA] = "adapters beside every linear layer of the blocks train, nothing else",
    [METHOD_QLORA] = "as lora, with the frozen linear layers in 4 bits",
    [METHOD_SPECTRUM_LORA] =
        "adapters beside the plan's linear layers train, and its other tensors",
    [METHOD_SPECTRUM_QLORA] = "as spectrum+lora, with the frozen linear layers in 4 bits",
};

/* What is wrong with the field, whole, and as far as there is room what it is for. */
static void draw_hint(struct app *app, struct area area, size_t field)
{
    const struct option *row = &training_options.rows[field];
    const struct settings *settings = &app->session.settings;
    char why[ERROR_TEXT_MAX];
    struct buffer text = BUFFER_INIT;
    bool right = settings_check(settings, field, why, sizeof why);
    int y = right ? 0 : flow_words(area, theme_style(&app->theme, THEME_ERROR), why);
    buffer_format(&text, "--%s  %s", row->name,
                  field == SETTING(method) ? method_help[settings_method(settings)]
                  : row->hint              ? row->hint
                                           : row->help);
    if (setting_choice_count(field) > 0) {
        buffer_text(&text, " (");
        setting_put_choices(&text, field);
        buffer_text(&text, "; Space turns)");
    }
    flow_words(area_part(area, 0, y, area.width, area.height - y),
               theme_style(&app->theme, THEME_DIM), buffer_string(&text));
    buffer_free(&text);
}

/* How much is trained on, in how much memory of how much, whether it fits and what is done for
 * that. It is held against what a run is held against, too: what the system lets the process have,
 * and whose limit that is. */
static void draw_summary(struct app *app, struct area area)
{
    const struct settings *settings = &app->session.settings;
    char tokens[64], bytes[32], here[32], how[64] = "", text[512];
    struct memory_limit limit;
    double machine = (double)available_memory_within(&limit);
    const struct training_estimate *cost = &app->session.cost;
    /* The limits of the fields allow more tokens than an int64_t holds. By epochs it is the data's.
     */
    struct training_request r;
    settings_request(settings, &r);
    double all = (double)r.steps * (double)r.batch * (double)r.accumulate * (double)r.seq_len;
    const char *epochs = settings->values[SETTING(epochs)];
    if (r.steps > 0) {
        count_put(all, tokens, sizeof tokens);
        snprintf(tokens + strlen(tokens), sizeof tokens - strlen(tokens), " tokens in all");
    } else {
        snprintf(tokens, sizeof tokens, "%.12s epoch%s", epochs,
                 strcmp(epochs, "1") == 0 ? "" : "s");
    }
    training_request_free(&r);
    bytes_put((double)cost->total, bytes, sizeof bytes);
    bytes_put(machine, here, sizeof here);
    bool fits = !cost->known || ((double)cost->total < machine && !cost->over_limit);
    if (cost->known && cost->over_limit)
        snprintf(how, sizeof how, ": more than the limit");
    else if (!fits)
        snprintf(how, sizeof how, ": it does not fit");
    else if (cost->known && cost->recomputed > 0)
        snprintf(how, sizeof how, ", %" PRId64 " of %" PRId64 " blocks recomputed",
                 cost->recomputed, app->session.model->config.layers);
    bool rows = settings_uses(settings, SETTING(add_tokens)) &&
                !settings_is_empty(settings, SETTING(add_tokens));
    /* the limit's name comes last: a narrow window cuts it first */
    snprintf(text, sizeof text, "%s, memory %s%s of %s%s%s%s", tokens, cost->known ? bytes : "n/a",
             rows ? " and added rows" : "", here, how, limit.by[0] ? " within " : "", limit.by);
    area_label(area, 0, 0, area.width, theme_style(&app->theme, fits ? THEME_TITLE : THEME_ERROR),
               text);
    if (!cost->known)
        area_label(area, 0, 1, area.width, theme_style(&app->theme, THEME_DIM), cost->why);
}

/* Rows of the summary with the bars: the disk is below the memory, or beside the bars. */
static int summary_bars(int width)
{
    return (width >= BARS + COMMAND ? 1 : SUMMARY_ROWS) + MEMORY_CATEGORIES;
}

/* What the run takes, and the command. In a wide window the bars are at the left, and the rest
 * beside them; else it is one below the other, as far as there is room. */
static void draw_tail(struct app *app, struct area area)
{
    bool known = app->session.cost.known, wide = area.width >= BARS + COMMAND;
    int bars = known && area.height >= summary_bars(area.width) ? MEMORY_CATEGORIES : 0;
    int x = wide && bars ? BARS : 0, y = known ? 1 : SUMMARY_ROWS;
    struct style dim = theme_style(&app->theme, THEME_DIM);
    struct buffer text = BUFFER_INIT;
    draw_summary(app, area);
    if (known) { /* what checkpoints take, held against their disk */
        const struct training_disk *disk = &app->session.cost.disk;
        struct area part = area_part(area, x, 1, area.width - x, x ? area.height - 1 : 1);
        buffer_text(&text, "disk: ");
        training_disk_put(&text, disk);
        int rows = flow_words(part, disk->fits ? dim : theme_style(&app->theme, THEME_ERROR),
                              buffer_string(&text));
        y += rows < part.height ? rows : part.height;
        buffer_clear(&text);
    }
    if (bars)
        memory_bars_draw(area_part(area, 0, x ? 1 : y, area.width < BARS ? area.width : BARS - 2,
                                   MEMORY_CATEGORIES),
                         &app->theme, app->session.cost.bytes);
    y += bars && !x ? MEMORY_CATEGORIES + 1 : 0;
    /* the same as a sub-command, for scripts, where there is room for all of it */
    struct area rest = area_part(area, x, y, area.width - x, area.height - y);
    if (area.height > y && area.height > MEMORY_CATEGORIES) {
        launch_train_command(&app->session, &text);
        if (flow_words_rows(buffer_string(&text), rest.width) <= rest.height)
            flow_words(rest, dim, buffer_string(&text));
    }
    buffer_free(&text);
}

/* The fields that the window has room for, the cursor's among them; arrows where there are more. */
static void draw_fields(struct app *app, const struct train_view *view, struct area area,
                        const size_t *fields, int count)
{
    struct list list = {0, count};
    while (list.cursor < count - 1 && fields[list.cursor] != view->field)
        list.cursor++;
    int first = list_first(&list, area.height);
    for (int i = 0; i < area.height; i++)
        draw_field(app, area_part(area, 0, i, area.width, 1), fields[first + i],
                   fields[first + i] == view->field, view->fresh);
    if (first > 0)
        area_put(area, 1, 0, theme_style(&app->theme, THEME_ACCENT), "↑");
    if (first + area.height < count)
        area_put(area, 1, area.height - 1, theme_style(&app->theme, THEME_ACCENT), "↓");
}

/* Rows from below: what the run takes, the hint, and all that is left for fields; where there is
 * more room than fields, a blank line on both sides of the hint. */
void train_draw(struct app *app, void *state, struct area area)
{
    const struct train_view *view = state;
    size_t fields[SETTINGS_MAX];
    int count = 0;
    for (size_t i = 0; i < training_options.count; i++)
        if (settings_uses(&app->session.settings, i))
            fields[count++] = i;
    /* The bars stay in sight where fields can be seen beside them: they are what the fields decide.
     */
    int bars = summary_bars(area.width - 2);
    bool shown = app->session.cost.known && area.height - HINT_ROWS - bars >= FIELD_ROWS;
    int summary = shown ? bars : SUMMARY_ROWS;
    int room = area.height - HINT_ROWS - summary, rows = room < count ? room : count;
    int gap = room - rows >= 2, y = rows + gap;
    draw_fields(app, view, area_part(area, 0, 0, area.width, rows), fields, count);
    /* The first that is seen is what a user may not know: that a logout would end the run. */
    struct area hint = area_part(area, 2, y, area.width - 2, HINT_ROWS);
    char warning[256];
    if (view->field == SETTING(data) && view->fresh &&
        job_logout_warning("", warning, sizeof warning))
        flow_words(hint, theme_style(&app->theme, THEME_WARNING), warning);
    else
        draw_hint(app, hint, view->field);
    y += HINT_ROWS + gap;
    draw_tail(app, area_part(area, 2, y, area.width - 2, area.height - y));
}
