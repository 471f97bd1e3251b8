/* A look at the data before it is trained on: records as the model will see them, with what is
 * supervised marked, as text or token by token.
 *
 *     400 records, 74,098 tokens, 40,459 supervised (54.6 %)
 *     record 1 of 400  111 tokens, 52 supervised: in this colour ■
 *     problems.jsonl:1  prompt and completion, texts                     up to PLACE_ROWS lines
 *     12 undesired (label false)                                         notes on the whole look
 *     Natalia sold clips to 48 of her friends in April, and ...          the record, scrolled
 *     ...
 *     PgDn PgUp: the next record, the one before; :row N; i: text or ids
 *
 * A look is the first records, however large the data is, so it opens at once: records of HEAD
 * bytes, RECORDS_MAX of them at most. They go the way that a run's do (text/record_look.h): the
 * same reader, template, tokenizer and mask, so what is shown is what will be trained.
 */
#include "base/decimal.h"
#include "base/memory.h"
#include "base/sys.h"
#include "base/text.h"
#include "job/added_tokens.h"
#include "text/data/data_files.h"
#include "text/dataset/record_look.h"
#include "text/tokenizer/tokenizer.h"
#include "tui/screen/parts.h"
#include "tui/screen/screens.h"
#include "tui/session/wording.h"
#include "tui/widget/flow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the first records --- */

/* Records of so many bytes, or so many records, are a look. */
enum { HEAD = 256 * 1024, RECORDS_MAX = 4096, ARRAY_MAX = 64 << 20 };

struct data_look {
    struct tokenizer *tokenizer;
    struct record_look *records; /* at least one; those that are left out, too */
    size_t count, capacity;
    uint64_t tokens, supervised; /* of these records */
    size_t undesired, too_short; /* of these records: KTO's with label false; left out */
    bool cut;                    /* the data goes on */
    char marks[200]; /* of the template that are not tokens, to be shown; "": none, or they were
                        added */
};

/* The files that a look may reach into, as far as they are read whole: a .json array is one value,
 * and one that is too large is refused here rather than read for minutes. */
static int check_arrays(const char *path, struct error *err)
{
    struct data_files files;
    struct stat info;
    int64_t reached = 0;
    int status = data_files_list(&files, &path, 1, err);
    for (size_t i = 0; status == 0 && i < files.count && reached <= HEAD; i++) {
        const char *file = files.items[i].path;
        if (sys.stat(file, &info) != 0)
            continue; /* reading it says why */
        if (text_ends_with(file, ".json") && info.st_size > ARRAY_MAX)
            status = error_set(
                err, "%s: a .json file over 64 MiB is too large for a look; .jsonl is not", file);
        reached += info.st_size;
    }
    data_files_free(&files);
    return status;
}

/* Records until there is enough for a look, and whether there is another after them. */
static int read_head(struct data_look *look, struct record_walk *walk, struct error *err)
{
    int status = 1; /* of record_walk_next(): 1, a record; 0, the end; -1, an error */
    for (size_t bytes = 0; status > 0 && bytes < HEAD && look->count < RECORDS_MAX;) {
        if (array_reserve((void **)&look->records, &look->capacity, look->count + 1,
                          sizeof *look->records, err) != 0)
            return -1;
        struct record_look *record = &look->records[look->count];
        status = record_walk_next(walk, record, err);
        if (status <= 0)
            break;
        look->count++;
        look->tokens += record->tokens.count;
        look->supervised += record_look_supervised(&record->tokens);
        look->undesired += record->undesired;
        look->too_short += record->tokens.count < 2;
        bytes += record->bytes;
    }
    if (status > 0) {
        struct record_look next;
        status = record_walk_next(walk, &next, err);
        look->cut = status > 0;
        record_look_free(&next);
    }
    return status < 0 ? -1 : 0;
}

static void data_look_free(struct data_look *look)
{
    for (size_t i = 0; i < look->count; i++)
        record_look_free(&look->records[i]);
    free(look->records);
    tokenizer_close(look->tokenizer);
    *look = (struct data_look){0};
}

/* One of what the form names, with what the form says of how it is read. Nothing is left to free
 * after an error. */
static int data_look_read(struct data_look *look, const struct app *app, const char *path,
                          struct error *err)
{
    const struct settings *settings = &app->session.settings;
    struct record_walk *walk = NULL;
    struct training_request request;
    *look = (struct data_look){0};
    settings_request(settings, &request);
    struct dataset_options *format = &request.format;
    format->template_may_rest = true; /* it is one of several files, or the start of one */
    format->names_may_rest = true;
    int status = check_arrays(path, err);
    if (status != 0)
        goto out;
    status = tokenizer_for_checkpoint(&look->tokenizer, app->session.model->checkpoint, err);
    if (status != 0)
        goto out;
    status = added_tokens_look(look->tokenizer, format->template_name, request.add_tokens,
                               look->marks, sizeof look->marks, err);
    if (request.add_tokens) /* they are tokens then, as in such a run */
        look->marks[0] = '\0';
    if (status != 0)
        goto out;
    status = record_walk_open(&walk, &path, 1, format, look->tokenizer, err);
    if (status != 0)
        goto out;
    status = read_head(look, walk, err);
    if (status == 0 && look->count == 0)
        status = error_set(err, "%s: no text in it", path);
out:
    record_walk_close(walk);
    training_request_free(&request);
    if (status != 0)
        data_look_free(look);
    return status;
}

/* --- the view --- */

enum { TOKENS_SHOWN = 8000, PLACE_ROWS = 4, PIECE_MOST = 16 << 10 };

/* `page` and `more` are what drawing found out: how far a key goes depends on the window. */
struct data_view {
    struct data_look look;
    char path[SETTING_VALUE_MAX]; /* as the form has it */
    size_t record;                /* which of look.records is shown */
    bool ids;                     /* token by token, else as text */
    int scroll;                   /* lines of the record that are above the window */
    int page;                     /* lines that were drawn */
    bool more;                    /* the record goes on below them */
};

static const struct record_look *shown(const struct data_view *view)
{
    return &view->look.records[view->record];
}

/* Without colours what is trained is underlined, too: bold alone is hard to see in running text. */
static struct style trained_style(const struct app *app)
{
    struct style style = theme_style(&app->theme, THEME_ACCENT);
    if (theme_is_mono(&app->theme))
        style.attributes |= ATTRIBUTE_UNDERLINE;
    return style;
}

/* Tokens of one kind after another go together, so that a character or a word of several tokens is
 * whole. */
static void draw_text(struct app *app, struct area area, struct data_view *view)
{
    const struct token_list *tokens = &shown(view)->tokens;
    struct flow flow = {area, 0, -view->scroll};
    struct style trained = trained_style(app), other = theme_style(&app->theme, THEME_DIM);
    struct buffer piece = BUFFER_INIT;
    size_t end = tokens->count < TOKENS_SHOWN ? tokens->count : TOKENS_SHOWN;
    for (size_t i = 0; i < end && flow.y < area.height; i++) {
        tokenizer_piece(view->look.tokenizer, tokens->ids[i], &piece);
        bool counts = record_look_trains(tokens, i);
        if (i + 1 < end && record_look_trains(tokens, i + 1) == counts && piece.length < PIECE_MOST)
            continue;
        flow_put(&flow, counts ? trained : other, buffer_string(&piece), piece.length);
        buffer_clear(&piece);
    }
    view->more = flow.y >= area.height;
    buffer_free(&piece);
}

/* A token a line: its id, how much it counts, what it stands for. */
static void draw_ids(struct app *app, struct area area, struct data_view *view)
{
    const struct token_list *tokens = &shown(view)->tokens;
    struct style trained = trained_style(app), other = theme_style(&app->theme, THEME_DIM);
    struct buffer piece = BUFFER_INIT;
    view->more = (size_t)view->scroll + (size_t)area.height < tokens->count;
    for (int y = 0; y < area.height && (size_t)view->scroll + (size_t)y < tokens->count; y++) {
        size_t i = (size_t)view->scroll + (size_t)y;
        float weight = record_look_trains(tokens, i) ? tokens->weights[i] : 0;
        char counts[32] = "-";
        if (weight > 0)
            snprintf(counts, sizeof counts, weight == 1 ? "trained" : "x %.6g", (double)weight);
        buffer_clear(&piece);
        record_look_put_piece(&piece, view->look.tokenizer, tokens->ids[i]);
        struct style style = weight > 0 ? trained : other;
        int x = area_print(area, 0, y, style, "%7d  %-10s  ", tokens->ids[i], counts);
        area_label(area, x, y, area.width - x, style, buffer_string(&piece));
    }
    buffer_free(&piece);
}

/* "below/data.jsonl" of a folder, "data.jsonl" of a file. */
static const char *file_shown(const char *data, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t length = strlen(data);
    while (length > 1 && data[length - 1] == '/')
        length--;
    if (strncmp(path, data, length) == 0 && path[length] == '/')
        return path + length + 1 + strspn(path + length, "/") - 1;
    return slash ? slash + 1 : path;
}

/* Where the record is from, what form it has, and what of it is not read. Returns the rows that it
 * takes. */
static int draw_place(struct app *app, struct area area, const char *data,
                      const struct record_look *record)
{
    struct buffer line = BUFFER_INIT;
    buffer_format(&line, "%s:%zu  %s", file_shown(data, record->path), record->line, record->form);
    for (size_t i = 0; i < record->unread.count; i++)
        buffer_format(&line, "%s%s", i ? ", " : "; not read: ", record->unread.items[i].text);
    if (record->tokens.count < 2)
        buffer_text(&line, "; left out: fewer than two tokens");
    if (record->cut)
        buffer_text(&line, "; it continues");
    int rows = flow_words(area, theme_style(&app->theme, THEME_TEXT), buffer_string(&line));
    buffer_free(&line);
    return rows < area.height ? rows : area.height;
}

/* Counts of the look, the record and where it is from, notes on the look, and what fits of the
 * record between them and the line of keys. */
static void data_draw(struct app *app, void *state, struct area area)
{
    struct data_view *view = state;
    const struct data_look *look = &view->look;
    const struct record_look *record = shown(view);
    struct style text = theme_style(&app->theme, THEME_TEXT),
                 dim = theme_style(&app->theme, THEME_DIM);
    bool mono = theme_is_mono(&app->theme);
    char records[32], tokens[32], supervised[32];
    digits_put((int64_t)look->count, records, sizeof records);
    digits_put((int64_t)look->tokens, tokens, sizeof tokens);
    digits_put((int64_t)look->supervised, supervised, sizeof supervised);
    area_print(area, 0, 0, text, "%s record%s, %s tokens, %s supervised (%.1f %%)%s", records,
               text_s(look->count), tokens, supervised,
               look->tokens ? 100.0 * (double)look->supervised / (double)look->tokens : 0.0,
               look->cut || record->cut ? " in the first part" : "");
    int x = area_print(area, 0, 1, theme_style(&app->theme, THEME_TITLE), "record %zu of %zu",
                       view->record + 1, look->count);
    x += area_print(area, x, 1, dim, "  %zu tokens, %llu supervised: %s", record->tokens.count,
                    (unsigned long long)record_look_supervised(&record->tokens),
                    record->undesired ? "undesired (label false)"
                    : mono            ? "underlined"
                                      : "in this colour ");
    if (!mono && !record->undesired)
        area_put(area, x, 1, theme_style(&app->theme, THEME_ACCENT), "■");
    int y = 2 + draw_place(app, area_part(area, 0, 2, area.width, PLACE_ROWS), view->path, record);
    struct buffer notes = BUFFER_INIT; /* what is true of the whole look beside its counts */
    if (look->undesired > 0)
        buffer_format(&notes, "%zu undesired (label false)", look->undesired);
    if (look->too_short > 0)
        buffer_format(&notes, "%s%zu left out (fewer than two tokens)",
                      notes.length > 0 ? ", " : "", look->too_short);
    if (look->marks[0])
        buffer_format(&notes, "%scut into pieces: %s", notes.length > 0 ? "; " : "", look->marks);
    area_label(area, 0, y++, area.width, theme_style(&app->theme, THEME_WARNING),
               buffer_string(&notes));
    buffer_free(&notes);
    view->page = area.height - y - 2;
    (view->ids ? draw_ids : draw_text)(app, area_part(area, 0, y, area.width, view->page), view);
    area_label(area, 0, area.height - 1, area.width, dim,
               view->more ? "PgDn: more of it; Right Left: records; :row N; i: text or ids"
                          : "PgDn PgUp: the next record, the one before; :row N; i: text or ids");
}

/* A record begins at its beginning. */
static void turn_to(struct data_view *view, size_t record)
{
    view->record = record;
    view->scroll = 0;
}

/* On in a record as far as it goes, then to the next; and back. */
static void turn_page(struct data_view *view, int by)
{
    size_t last = view->look.count - 1;
    if (by > 0 && view->more)
        view->scroll += view->page;
    else if (by < 0 && view->scroll > 0)
        view->scroll = view->scroll > view->page ? view->scroll - view->page : 0;
    else if (by > 0 ? view->record < last : view->record > 0)
        turn_to(view, by > 0 ? view->record + 1 : view->record - 1);
}

/* ":row 5". Only the look's records can be shown here; `spectrum tokens` finds any. */
static void turn_to_row(struct app *app, struct data_view *view, const char *number)
{
    int64_t row;
    if (!decimal_read_whole(&row, number) || row < 1)
        app_message(app, "row takes a record's number, as in :row 5");
    else if ((uint64_t)row > view->look.count)
        app_message(app, "there is no record %lld%s", (long long)row,
                    view->look.cut ? " in the first part, which is all that is read here: "
                                     "spectrum tokens MODEL --data FILE --row N has every record"
                                   : "");
    else
        turn_to(view, (size_t)row - 1);
}

/* Up and Down scroll lines, pages go on to the next record at a record's end, Right and Left go by
 * records wherever one is in them. */
static bool data_request(struct app *app, void *state, enum request request, const char *argument)
{
    struct data_view *view = state;
    size_t last = view->look.count - 1;
    switch (request) {
    case REQUEST_UP:
    case REQUEST_DOWN:
        if (request == REQUEST_UP)
            view->scroll -= view->scroll > 0;
        else if (view->more)
            view->scroll++;
        return true;
    case REQUEST_IDS:
        view->ids = !view->ids;
        view->scroll = 0;
        return true;
    case REQUEST_PAGE_DOWN:
    case REQUEST_PAGE_UP:
        turn_page(view, request == REQUEST_PAGE_DOWN ? 1 : -1);
        return true;
    case REQUEST_ROW:
        turn_to_row(app, view, argument);
        return true;
    case REQUEST_RIGHT:
        turn_to(view, view->record < last ? view->record + 1 : last);
        return true;
    case REQUEST_LEFT:
        turn_to(view, view->record > 0 ? view->record - 1 : 0);
        return true;
    case REQUEST_FIRST:
    case REQUEST_LAST:
        turn_to(view, request == REQUEST_FIRST ? 0 : last);
        return true;
    default:
        return false;
    }
}

static void data_close(void *state)
{
    struct data_view *view = state;
    data_look_free(&view->look);
    free(view);
}

static const struct view_class data_class = {
    .name = "data",
    .scope = SCOPE_DATA,
    .close = data_close,
    .draw = data_draw,
    .request = data_request,
};

/* A value that the form would refuse is refused here in the same words. */
bool screen_open_data(struct app *app, size_t item)
{
    struct error err = ERROR_INIT;
    char why[ERROR_TEXT_MAX];
    const struct settings *settings = &app->session.settings;
    struct data_view *view = array_alloc(1, sizeof *view, NULL);
    if (view)
        snprintf(view->path, sizeof view->path, "%s", settings_item(settings, SETTING(data), item));
    if (!settings_check(settings, SETTING(data), item, why, sizeof why)) {
        app_message(app, "data: %s", why);
    } else if (view && data_look_read(&view->look, app, view->path, &err) == 0) {
        return app_push(app, &data_class, view);
    } else {
        app_error(app, &err);
    }
    free(view);
    return false;
}
