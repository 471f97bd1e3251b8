#include "tui/screen/train_layout.h"

/* A column of the form is no narrower. */
enum { COLUMN_MIN = 76, COLUMNS_MAX = 2 };

size_t form_group_of(size_t field)
{
    size_t group = 0;
    for (size_t i = 1; i <= field && i < training_options.count; i++)
        group += training_options.rows[i].group != NULL;
    return group;
}

const char *form_group_name(size_t group)
{
    for (size_t i = 0; i < training_options.count; i++)
        if (training_options.rows[i].group && group-- == 0)
            return training_options.rows[i].group;
    return "";
}

/* Lists have a line for each item and one for another; weights have one for each of the data. */
static size_t lines_of(const struct settings *settings, size_t field)
{
    size_t count = settings_count(settings, field);
    if (!setting_is_list(field))
        return 1;
    if (field == SETTING(data_weights))
        count = settings_count(settings, SETTING(data));
    else if (count == 0 ||
             (count < SETTING_ITEMS_MAX && settings_item(settings, field, count - 1)[0]))
        count++;
    return count > 0 ? count : 1;
}

/* What is rare is there where it was set, or where one is at it; weights where they weigh. */
static bool is_shown(const struct settings *settings, size_t field, enum form_fold fold,
                     size_t cursor)
{
    if (fold == FOLD_CLOSED)
        return false;
    return fold == FOLD_ALL || !training_options.rows[field].rare || field == cursor ||
           settings_count(settings, field) > 0 ||
           (field == SETTING(data_weights) && settings_count(settings, SETTING(data)) > 1);
}

static void add(struct form_layout *out, struct form_line line)
{
    if (out->count < FORM_LINES_MAX)
        out->lines[out->count++] = line;
}

/* A group of rare fields alone would be a heading that nobody can go to. */
static bool has_usual(const bool used[SETTINGS_MAX], size_t first, size_t end)
{
    for (size_t i = first; i < end; i++)
        if (used[i] && !training_options.rows[i].rare)
            return true;
    return false;
}

/* A group of which no field is used has no heading, either. */
void form_layout_make(struct form_layout *out, const struct settings *settings,
                      const enum form_fold folds[FORM_GROUPS_MAX], size_t field)
{
    bool used[SETTINGS_MAX];
    size_t group = 0;
    out->count = 0;
    settings_used(settings, used);
    for (size_t i = 0; i < training_options.count; group++) {
        size_t heading = out->count, end = i + 1, seen = 0;
        while (end < training_options.count && !training_options.rows[end].group)
            end++;
        enum form_fold fold = folds[group];
        if (fold == FOLD_USUAL && !has_usual(used, i, end))
            fold = FOLD_ALL;
        add(out, (struct form_line){.heading = true, .group = group, .field = i});
        for (; i < end; i++) {
            if (!used[i])
                continue;
            if (seen++ == 0)
                out->lines[heading].field = i;
            if (!is_shown(settings, i, fold, field)) {
                out->lines[heading].hidden++;
                continue;
            }
            for (size_t item = 0; item < lines_of(settings, i); item++)
                add(out, (struct form_line){.group = group, .field = i, .item = item});
        }
        if (seen == 0)
            out->count = heading;
    }
}

size_t form_layout_find(const struct form_layout *layout, size_t field, size_t item)
{
    size_t found = 0, group = form_group_of(field);
    for (size_t i = 0; i < layout->count; i++) {
        const struct form_line *line = &layout->lines[i];
        if (line->heading ? line->group == group : line->field == field && line->item <= item)
            found = i;
    }
    return found;
}

bool form_line_is_stop(const struct form_line *line, const enum form_fold folds[FORM_GROUPS_MAX])
{
    return !line->heading || folds[line->group] == FOLD_CLOSED;
}

size_t form_layout_next(const struct form_layout *layout,
                        const enum form_fold folds[FORM_GROUPS_MAX], size_t line, int by)
{
    for (size_t i = 0; i < layout->count; i++) {
        line = (line + layout->count + (size_t)by) % layout->count;
        if (form_line_is_stop(&layout->lines[line], folds))
            break;
    }
    return line;
}

/* Back it goes to the beginning of this group first. */
size_t form_layout_next_group(const struct form_layout *layout,
                              const enum form_fold folds[FORM_GROUPS_MAX], size_t line, int by)
{
    size_t at = line;
    while (at > 0 && !layout->lines[at].heading)
        at--;
    bool begun = by < 0 && line > at + 1;
    for (size_t i = 0; !begun && i < layout->count; i++) {
        at = (at + layout->count + (size_t)by) % layout->count;
        if (layout->lines[at].heading)
            break;
    }
    return form_line_is_stop(&layout->lines[at], folds) ? at
                                                        : form_layout_next(layout, folds, at, 1);
}

/* The cursor's line is in the middle of what is shown where it can be. */
static size_t first_shown(size_t count, size_t line, size_t shown)
{
    if (count <= shown || line <= shown / 2)
        return 0;
    return line - shown / 2 > count - shown ? count - shown : line - shown / 2;
}

/* Two columns are as long as they must be; where a group would be cut in two and there are rows to
 * spare, the first one is longer. */
struct form_columns form_columns_make(const struct form_layout *layout, int width, int rows,
                                      size_t line)
{
    struct form_columns out = {.columns = 1, .width = width, .rows = rows};
    size_t room = rows > 0 ? (size_t)rows : 0;
    if (layout->count > room && width >= COLUMNS_MAX * COLUMN_MIN) {
        size_t half = (layout->count + 1) / 2;
        size_t cut = half < room ? half : room;
        out.columns = COLUMNS_MAX;
        out.width = width / COLUMNS_MAX;
        for (size_t at = cut; at <= room && at < layout->count; at++)
            if (layout->lines[at].heading) {
                cut = at;
                break;
            }
        out.rows = (int)cut;
    }
    out.first = first_shown(layout->count, line, (size_t)out.columns * (size_t)out.rows);
    return out;
}
