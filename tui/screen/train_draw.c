/* How the training form looks: fields, what is said of one, what the run takes.
 *
 *       Data ──────────────────────────────────────────────────────────────────── 4 more: Ctrl-G
 *     ▶ data              /home/u/text/problems.jsonl                        ✓
 *       data 2                                                               ✓
 *       How long, and in what portions ───────────────────────────────────────────────────────
 *       steps             0                                                  from 1 to 1000000000
 *     ↓ sequence length   256                                                ✓
 *
 *       --data  .txt, .jsonl, .json or a folder; Tab completes, Ctrl-D looks at it      HINT_ROWS
 *
 *       60 steps, 61,440 tokens in all                                                  the summary
 *       memory 95.1 MiB of 22.9 GiB
 *       disk: up to 2 checkpoints of 13.0 MiB; 78.6 GiB are left
 *       weights     12.8 MiB  █████                                                     with room
 *       gradients   4.31 MiB  ██
 *
 * Lines get what room is left, in two columns where the window is wide enough (train_layout.h), and
 * scroll by halves of it; the bars stay in sight where fields can be seen beside them. In a window
 * of BARS + COMMAND columns disk and command stand beside the bars. An open list of candidates
 * takes the place of what is below the lines.
 */
#include "tui/screen/train_draw.h"

#include "base/text.h"
#include "job/launch.h"
#include "tui/screen/launch_train.h"
#include "tui/screen/parts.h"
#include "tui/session/form_notes.h"
#include "tui/session/run_length.h"
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
    SUMMARY_ROWS = 2, /* length, memory; the disk has as many as it takes */
    DISK_ROWS = 3,    /* at most */
    FIELD_ROWS = 16,  /* so many at least beside the bars */
    CANDIDATE_ROWS = 8,
    BARS = 60,
    COMMAND = 50
};

/* "data", "data 2": an item of a list has its number, from the second on. */
static void draw_label(struct app *app, struct area area, const struct form_line *line, bool here)
{
    char label[64];
    const char *name = training_options.rows[line->field].label;
    if (line->item > 0)
        snprintf(label, sizeof label, "%s %zu", name, line->item + 1);
    else
        snprintf(label, sizeof label, "%s", name);
    area_put(area, 0, 0, theme_style(&app->theme, THEME_ACCENT), here ? "▶" : " ");
    area_label(area, 2, 0, LABELS - 3, theme_style(&app->theme, here ? THEME_TEXT : THEME_DIM),
               label);
}

/* The value: what follows from others is dim. Under the cursor it is what the line editor has, and
 * where that is empty, what stands for it, with the cursor before it. */
static void draw_value(struct app *app, struct area box, const struct form_line *line,
                       const struct train_view *view)
{
    const struct settings *settings = &app->session.settings;
    const struct theme *theme = &app->theme;
    bool turned = setting_is_turned(line->field);
    char shown[SETTING_VALUE_MAX];
    settings_show(settings, line->field, line->item, shown, sizeof shown);
    utf8_sanitize(shown);
    bool own = strcmp(settings_item(settings, line->field, line->item), shown) == 0;
    enum theme_role role = own ? THEME_TEXT : THEME_DIM;
    /* of a path that is too long the end says more */
    if (!view && setting_is_path(line->field)) {
        struct line_edit tail;
        line_edit_begin(&tail, shown, sizeof shown);
        line_edit_draw(&tail, box, theme_style(theme, role), false);
    } else if (!view) {
        area_label(box, 0, 0, box.width - 1, theme_style(theme, role), shown);
    }
    if (!view)
        return;
    struct style style = theme_style_on(theme, role, THEME_SELECTED);
    area_fill(box, style);
    if (turned) {
        area_label(box, 0, 0, box.width - 1, style, shown);
    } else if (view->text[0]) {
        if (view->fresh)
            style.attributes |= ATTRIBUTE_UNDERLINE;
        line_edit_draw(&view->edit, box, style, true);
    } else {
        area_label(box, 0, 0, box.width - 1, style, shown);
        struct style under = style;
        under.attributes ^= ATTRIBUTE_REVERSE;
        int columns;
        area_put_bytes(box, 0, 0, under, shown[0] ? shown : " ",
                       shown[0] ? text_grapheme(shown, &columns) : 1);
    }
}

/* A label, its value, and a mark: ✓, or in few words what is wrong. `view`: the cursor is here. */
static void draw_field(struct app *app, struct area area, const struct form_line *line,
                       const struct train_view *view)
{
    const struct settings *settings = &app->session.settings;
    char why[ERROR_TEXT_MAX];
    bool right = settings_check(settings, line->field, line->item, why, sizeof why);
    draw_label(app, area, line, view != NULL);
    /* in a wide window values get more columns, and reasons still have room */
    int columns =
        area.width < LABELS + VALUES + MORE_VALUES + CHECKS ? VALUES : VALUES + MORE_VALUES;
    if (columns > area.width - LABELS - 3)
        columns = area.width - LABELS - 3;
    draw_value(app, area_part(area, LABELS, 0, columns, 1), line, view);
    /* a reason that does not fit is a mark here; the field's hint says it whole */
    int room = area.width - LABELS - columns - 1;
    char whole[ERROR_TEXT_MAX];
    enum form_note note =
        right ? form_note(&app->session, line->field, why, sizeof why, whole, sizeof whole)
              : NOTE_WRONG;
    utf8_sanitize(why);
    area_put(area, LABELS + columns + 1, 0,
             theme_style(&app->theme, note == NOTE_NONE    ? THEME_GOOD
                                      : note == NOTE_COSTS ? THEME_WARNING
                                                           : THEME_ERROR),
             note == NOTE_NONE           ? "✓"
             : text_columns(why) <= room ? why
                                         : "!");
}

/* What was set in a closed group: "save every 20, seed 7". */
static void put_set(struct buffer *out, const struct settings *settings, size_t group)
{
    for (size_t i = 0; i < training_options.count; i++)
        if (form_group_of(i) == group && settings_count(settings, i) > 0)
            buffer_format(out, "%s%s %s", out->length ? ", " : "", training_options.rows[i].label,
                          settings_value(settings, i));
}

/* A group that is closed shows what is set in it, an open one how many fields are hidden. */
static void draw_heading(struct app *app, struct area area, const struct form_line *line,
                         bool closed, bool here)
{
    const struct theme *theme = &app->theme;
    struct buffer said = BUFFER_INIT;
    struct style dim = theme_style(theme, THEME_DIM);
    if (closed)
        put_set(&said, &app->session.settings, line->group);
    else if (line->hidden > 0)
        buffer_format(&said, "%zu more: Ctrl-G", line->hidden);
    area_put(area, 0, 0, theme_style(theme, THEME_ACCENT), here ? "▶" : " ");
    int x = 2 + area_label(area, 2, 0, area.width - 4,
                           here ? theme_style_on(theme, THEME_TITLE, THEME_SELECTED)
                                : theme_style(theme, THEME_TITLE),
                           form_group_name(line->group));
    if (closed) {
        area_label(area, x + 2, 0, area.width - x - 3, dim,
                   said.length ? buffer_string(&said) : "…");
    } else {
        int end = area.width - 2 - text_columns(buffer_string(&said));
        for (int i = x + 1; i < end; i++)
            area_put(area, i, 0, dim, "─");
        area_put(area, end + 1, 0, dim, buffer_string(&said));
    }
    buffer_free(&said);
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

/* What is wrong with the field, whole, and as far as there is room what it is for. `undo`: one that was
 * typed over can be had back, which is said first. */
static void draw_hint(struct app *app, struct area area, size_t field, size_t item, bool undo)
{
    const struct option *row = &training_options.rows[field];
    const struct settings *settings = &app->session.settings;
    char why[ERROR_TEXT_MAX];
    struct buffer text = BUFFER_INIT;
    char brief[64];
    enum form_note note =
        !settings_check(settings, field, item, why, sizeof why)
            ? NOTE_WRONG
            : form_note(&app->session, field, brief, sizeof brief, why, sizeof why);
    enum theme_role role = note == NOTE_WRONG ? THEME_ERROR : THEME_WARNING;
    int y = note == NOTE_NONE ? 0 : flow_words(area, theme_style(&app->theme, role), why);
    if (undo)
        buffer_text(&text, "Ctrl-_ undoes.  ");
    buffer_format(&text, "--%s  %s", row->name,
                  field == SETTING(method) ? method_help[settings_method(settings)]
                  : row->hint              ? row->hint
                                           : "");
    if (field != SETTING(method) && !row->hint)
        option_put_help(&text, row);
    if (setting_choice_count(field) > 0) {
        buffer_text(&text, " (");
        setting_put_choices(&text, field);
        buffer_text(&text, "; Space turns)");
    }
    flow_words(area_part(area, 0, y, area.width, area.height - y),
               theme_style(&app->theme, THEME_DIM), buffer_string(&text));
    buffer_free(&text);
}

/* False, with the first that is wrong of the fields by which a run's length goes. */
static bool length_is_right(const struct settings *settings, char *why, size_t size)
{
    const size_t fields[] = {SETTING(steps), SETTING(epochs), SETTING(seq_len), SETTING(batch),
                             SETTING(accumulate)};
    char reason[ERROR_TEXT_MAX];
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (!settings_check(settings, fields[i], 0, reason, sizeof reason)) {
            snprintf(why, size, "%s: %.100s", training_options.rows[fields[i]].label, reason);
            return false;
        }
    return true;
}

/* How long it is: steps and tokens, as far as the fields say, and what a probe of them counted; and
 * the time that it measured. */
static void draw_length(struct app *app, struct area area)
{
    char text[256], why[200], time[ERROR_TEXT_MAX], whole[ERROR_TEXT_MAX + 288];
    const struct probe *probe = &app->session.probe;
    struct buffer key = BUFFER_INIT;
    struct training_request request;
    settings_request(&app->session.settings, &request);
    struct run_length length = run_length_of(&request);
    launch_train_probe_key(&app->session, &key);
    if (probe_is_of(probe, buffer_string(&key)))
        length = (struct run_length){true, true, probe->steps, probe->tokens};
    if (length_is_right(&app->session.settings, why, sizeof why))
        run_length_put(&length, request.epochs, text, sizeof text);
    else
        snprintf(text, sizeof text, "steps n/a: %s", why);
    if (settings_launches(&app->session.settings))
        snprintf(time, sizeof time, "n/a: known after the first steps");
    else
        probe_put(probe, buffer_string(&key), time, sizeof time);
    snprintf(whole, sizeof whole, "%s; time: %s", text, time);
    area_label(area, 0, 0, area.width, theme_style(&app->theme, THEME_TITLE), whole);
    training_request_free(&request);
    buffer_free(&key);
}

/* In how much memory of how much, whose limit that is, whether it fits and what is done for that, or
 * would help. What matters less comes later, as a narrow window cuts it first. */
static void draw_memory(struct app *app, struct area area)
{
    const struct settings *settings = &app->session.settings;
    const struct training_estimate *cost = &app->session.form_cost;
    struct buffer text = BUFFER_INIT;
    struct training_request request;
    struct training_room room;
    char whole[ERROR_TEXT_MAX];
    settings_request(settings, &request);
    training_room_look(&room, cost, &request);
    bool rows = settings_uses(settings, SETTING(add_tokens)) &&
                !settings_is_empty(settings, SETTING(add_tokens));
    buffer_text(&text, "memory ");
    if (room.counts)
        buffer_format(&text, "%s%s of %s",
                      cost->known ? bytes_text((double)room.needed).text : "n/a",
                      rows ? " and added rows" : "", bytes_text((double)room.bytes).text);
    else if (!cost->known)
        buffer_text(&text, "n/a");
    if (!room.fits)
        buffer_text(&text, ": it does not fit");
    else if (cost->known && cost->recomputed > 0)
        buffer_format(&text, ", %" PRId64 " of %" PRId64 " blocks recomputed", cost->recomputed,
                      app->session.model->config.layers);
    if (room.counts && room.within[0])
        buffer_format(&text, " within %s", room.within);
    if (!room.fits) {
        buffer_text(&text, "; ");
        training_memory_remedy(&text, &request);
    }
    if (cost->devices > 0 && cost->known) {
        buffer_text(&text, room.counts ? "; " : "");
        training_devices_put(&text, cost);
    }
    settings_words(buffer_string(&text), whole, sizeof whole);
    area_label(area, 0, 0, area.width,
               theme_style(&app->theme, room.fits ? THEME_TITLE : THEME_ERROR), whole);
    training_request_free(&request);
    buffer_free(&text);
}

/* What checkpoints take, held against their disk; or why nothing of what the run takes is known. */
static void put_disk(struct buffer *out, const struct training_estimate *cost)
{
    if (cost->known) {
        buffer_text(out, "disk: ");
        training_disk_put(out, &cost->disk);
    } else {
        buffer_text(out, cost->why);
    }
}

static int disk_rows(const struct app *app, int columns)
{
    struct buffer text = BUFFER_INIT;
    put_disk(&text, &app->session.form_cost);
    int rows = flow_words_rows(buffer_string(&text), columns);
    buffer_free(&text);
    return rows < DISK_ROWS ? rows : DISK_ROWS;
}

/* Returns the rows. */
static int draw_disk(struct app *app, struct area area)
{
    const struct training_estimate *cost = &app->session.form_cost;
    struct buffer text = BUFFER_INIT;
    enum theme_role role = cost->known && cost->disk.fits ? THEME_DIM : THEME_ERROR;
    put_disk(&text, cost);
    int rows = flow_words(area, theme_style(&app->theme, role), buffer_string(&text));
    buffer_free(&text);
    return rows < area.height ? rows : area.height;
}

/* Rows of the summary without and with the bars: the disk is below the memory, or beside the bars. */
static int summary_rows(const struct app *app, int width)
{
    return SUMMARY_ROWS + disk_rows(app, width);
}

static int summary_bars(const struct app *app, int width)
{
    return (width >= BARS + COMMAND ? SUMMARY_ROWS : summary_rows(app, width)) + MEMORY_CATEGORIES;
}

/* What the run takes, and the command. In a wide window the bars are at the left, and the rest
 * beside them; else it is one below the other, as far as there is room. */
static void draw_tail(struct app *app, struct area area)
{
    bool known = app->session.form_cost.known, wide = area.width >= BARS + COMMAND;
    int bars = known && area.height >= summary_bars(app, area.width) ? MEMORY_CATEGORIES : 0;
    int x = wide && bars ? BARS : 0, y = SUMMARY_ROWS;
    struct buffer text = BUFFER_INIT;
    draw_length(app, area_part(area, 0, 0, area.width, 1));
    draw_memory(app, area_part(area, 0, 1, area.width, 1));
    y += draw_disk(app, area_part(area, x, y, area.width - x,
                                  x ? area.height - y : disk_rows(app, area.width)));
    if (bars)
        memory_bars_draw(area_part(area, 0, x ? SUMMARY_ROWS : y,
                                   area.width < BARS ? area.width : BARS - 2, MEMORY_CATEGORIES),
                         &app->theme, app->session.form_cost.bytes);
    y += bars && !x ? MEMORY_CATEGORIES + 1 : 0;
    /* the same as a sub-command, for scripts, where there is room for all of it */
    struct area rest = area_part(area, x, y, area.width - x, area.height - y);
    if (area.height > y && area.height > MEMORY_CATEGORIES) {
        launch_train_command(&app->session, &text);
        if (flow_words_rows(buffer_string(&text), rest.width) <= rest.height)
            flow_words(rest, theme_style(&app->theme, THEME_DIM), buffer_string(&text));
    }
    buffer_free(&text);
}

/* The lines that the window has room for, the cursor's among them; arrows where there are more. */
static void draw_lines(struct app *app, const struct train_view *view, struct area area,
                       const struct form_layout *layout, size_t cursor)
{
    struct form_columns columns = form_columns_make(layout, area.width, area.height, cursor);
    size_t shown = (size_t)columns.columns * (size_t)columns.rows;
    for (size_t i = 0; i < shown && columns.first + i < layout->count; i++) {
        const struct form_line *line = &layout->lines[columns.first + i];
        int x = (int)i / columns.rows * columns.width, y = (int)i % columns.rows;
        struct area place = area_part(area, x, y, columns.width, 1);
        bool here = columns.first + i == cursor;
        if (line->heading)
            draw_heading(app, place, line, view->folds[line->group] == FOLD_CLOSED, here);
        else
            draw_field(app, place, line, here ? view : NULL);
    }
    struct style accent = theme_style(&app->theme, THEME_ACCENT);
    if (columns.first > 0)
        area_put(area, 1, 0, accent, "↑");
    if (columns.first + shown < layout->count)
        area_put(area, (columns.columns - 1) * columns.width + 1, columns.rows - 1, accent, "↓");
}

/* What could stand in the field, the chosen one marked. */
static void draw_candidates(struct app *app, struct area area, const struct train_view *view)
{
    const struct candidates *candidates = &view->candidates;
    struct list list = {(int)candidates->chosen, (int)candidates->count};
    int rows = area.height - 1, first = list_first(&list, rows);
    area_print(area, 0, 0, theme_style(&app->theme, THEME_TITLE),
               "%s: %d of %d; Tab chooses, Enter takes, Esc closes", view->candidates_title,
               list.cursor + 1, list.count);
    for (int i = 0; i < rows && first + i < list.count; i++) {
        struct style text, dim;
        char shown[SETTING_VALUE_MAX];
        struct area line = area_part(area, 0, 1 + i, area.width, 1);
        utf8_copy(shown, sizeof shown, candidates->words[first + i]);
        list_line(line, &app->theme, first + i == list.cursor, &text, &dim);
        area_label(line, 2, 0, area.width - 2, text, shown);
    }
}

/* Rows from below: what the run takes, the hint, and all that is left for lines; where there is
 * more room than lines, a blank line on both sides of the hint. */
void train_draw(struct app *app, void *state, struct area area)
{
    const struct train_view *view = state;
    struct form_layout layout;
    form_layout_make(&layout, &app->session.settings, view->folds, view->field);
    size_t cursor = form_layout_find(&layout, view->field, view->item);
    /* The bars stay in sight where fields can be seen beside them: they are what the fields decide.
     */
    int bars = summary_bars(app, area.width - 2), count = (int)layout.count;
    bool shown = app->session.form_cost.known && area.height - HINT_ROWS - bars >= FIELD_ROWS;
    int summary = shown ? bars : summary_rows(app, area.width - 2), below = HINT_ROWS + summary;
    bool listed = view->candidates.count > 0;
    if (listed && below < CANDIDATE_ROWS)
        below = CANDIDATE_ROWS;
    int room = area.height - below;
    int rows = form_columns_make(&layout, area.width, room, cursor).rows;
    if (rows > count)
        rows = count;
    int gap = room - rows >= 2, y = rows + gap;
    draw_lines(app, view, area_part(area, 0, 0, area.width, rows), &layout, cursor);
    if (listed) {
        draw_candidates(app, area_part(area, 2, y, area.width - 2, area.height - y), view);
        return;
    }
    /* The first that is seen is what a user may not know: that a logout would end the run. */
    struct area hint = area_part(area, 2, y, area.width - 2, HINT_ROWS);
    char warning[256];
    if (layout.lines[cursor].heading)
        flow_words(hint, theme_style(&app->theme, THEME_DIM),
                   "Enter or Ctrl-G opens this group; PgUp and PgDn go from group to group");
    else if (view->field == SETTING(data) && view->fresh && view->item == 0 &&
             job_logout_warning("", warning, sizeof warning))
        flow_words(hint, theme_style(&app->theme, THEME_WARNING), warning);
    else
        draw_hint(app, hint, view->field, view->item,
                  !setting_is_turned(view->field) && line_edit_can_undo(&view->edit));
    y += HINT_ROWS + gap;
    draw_tail(app, area_part(area, 2, y, area.width - 2, area.height - y));
}
