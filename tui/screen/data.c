/* A look at the data before it is trained on: records as the model will see them, with what is
 * supervised marked, as text or token by token. */
#include "base/memory.h"
#include "base/text.h"
#include "tui/screen/data_look.h"
#include "tui/screen/list.h"
#include "tui/screen/screens.h"
#include "tui/widget/flow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKENS_SHOWN = 8000, PLACE_ROWS = 4 };

struct data_view {
    struct data_look look;
    size_t record;
    bool ids;   /* token by token */
    int scroll; /* lines */
    int page;   /* lines that were drawn */
    bool more;  /* the record goes on below them */
};

static const struct record_look *shown(const struct data_view *view)
{
    return &view->look.records[view->record];
}

static struct style trained_style(const struct app *app)
{
    struct style style = theme_style(&app->theme, THEME_ACCENT);
    if (theme_is_mono(&app->theme))
        style.attributes |= ATTRIBUTE_UNDERLINE;
    return style;
}

/* Tokens of one kind after another go together, so that a character of several tokens is whole. */
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
        if (i + 1 < end && record_look_trains(tokens, i + 1) == counts && piece.length < 512)
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
    for (int y = 0; y < area.height && (size_t)(view->scroll + y) < tokens->count; y++) {
        size_t i = (size_t)(view->scroll + y);
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
static const char *file_shown(const struct app *app, const char *path)
{
    const char *data = app->session.settings.values[SETTING(data)], *slash = strrchr(path, '/');
    size_t length = strlen(data);
    while (length > 1 && data[length - 1] == '/')
        length--;
    if (strncmp(path, data, length) == 0 && path[length] == '/')
        return path + length + 1 + strspn(path + length, "/") - 1;
    return slash ? slash + 1 : path;
}

/* Where the record is from, what form it has, and what of it is not read. Returns the rows that it
 * takes. */
static int draw_place(struct app *app, struct area area, const struct record_look *record)
{
    struct buffer line = BUFFER_INIT;
    buffer_format(&line, "%s:%zu  %s", file_shown(app, record->path), record->line, record->form);
    for (size_t i = 0; i < record->unread.count; i++)
        buffer_format(&line, "%s%s", i ? ", " : "; not read: ", record->unread.items[i].text);
    if (record->tokens.count < 2)
        buffer_text(&line, "; left out: fewer than two tokens");
    if (record->cut)
        buffer_text(&line, "; it goes on");
    int rows = flow_words(area, theme_style(&app->theme, THEME_TEXT), buffer_string(&line));
    buffer_free(&line);
    return rows < area.height ? rows : area.height;
}

/* What is true of the whole look beside its counts. */
static void draw_notes(struct app *app, struct area area, const struct data_look *look)
{
    struct buffer line = BUFFER_INIT;
    if (look->undesired > 0)
        buffer_format(&line, "%zu undesired (label false)", look->undesired);
    if (look->too_short > 0)
        buffer_format(&line, "%s%zu left out (fewer than two tokens)", line.length > 0 ? ", " : "",
                      look->too_short);
    if (look->marks[0])
        buffer_format(&line, "%scut into pieces: %s", line.length > 0 ? "; " : "", look->marks);
    area_label(area, 0, 0, area.width, theme_style(&app->theme, THEME_WARNING),
               buffer_string(&line));
    buffer_free(&line);
}

static void data_draw(struct app *app, void *state, struct area area)
{
    struct data_view *view = state;
    const struct data_look *look = &view->look;
    const struct record_look *record = shown(view);
    struct style text = theme_style(&app->theme, THEME_TEXT),
                 dim = theme_style(&app->theme, THEME_DIM);
    bool mono = theme_is_mono(&app->theme);
    area_print(area, 0, 0, text, "%zu record%s, %llu tokens, %llu of them supervised (%.1f %%)%s",
               look->count, text_s(look->count), (unsigned long long)look->tokens,
               (unsigned long long)look->supervised,
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
    int y = 2 + draw_place(app, area_part(area, 0, 2, area.width, PLACE_ROWS), record);
    draw_notes(app, area_part(area, 0, y++, area.width, 1), look);
    view->page = area.height - y - 2;
    (view->ids ? draw_ids : draw_text)(app, area_part(area, 0, y, area.width, view->page), view);
    area_put(area, 0, area.height - 1, dim,
             view->more ? "PgDn: more of it; Right Left: records; :row N; i: text or ids"
                        : "PgDn PgUp: the next record, the one before; :row N; i: text or ids");
}

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

static void turn_to_row(struct app *app, struct data_view *view, const char *number)
{
    char *end;
    long long row = strtoll(number, &end, 10);
    if (end == number || *end || row < 1)
        app_message(app, "row takes a record's number, as in :row 5");
    else if ((unsigned long long)row > view->look.count)
        app_message(app, "there is no record %lld%s", row,
                    view->look.cut ? " in the first part, which is all that is read here: "
                                     "spectrum tokens MODEL --data FILE --row N has every record"
                                   : "");
    else
        turn_to(view, (size_t)row - 1);
}

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

static int read_look(const struct app *app, struct data_look *look, struct error *err)
{
    const struct settings *settings = &app->session.settings;
    struct training_request request;
    settings_request(settings, &request);
    request.format.template_may_rest = true; /* it is one of several files, or the start of one */
    request.format.names_may_rest = true;
    int status =
        data_look_read(look, app->session.model->checkpoint, settings->values[SETTING(data)],
                       &request.format, request.add_tokens, err);
    training_request_free(&request);
    return status;
}

bool screen_open_data(struct app *app)
{
    struct error err = ERROR_INIT;
    char why[ERROR_TEXT_MAX];
    struct data_view *view = array_alloc(1, sizeof *view, NULL);
    if (!settings_check(&app->session.settings, SETTING(data), why, sizeof why)) {
        app_message(app, "data: %s", why);
    } else if (view && read_look(app, &view->look, &err) == 0) {
        return app_push(app, &data_class, view);
    } else {
        app_error(app, &err);
    }
    free(view);
    return false;
}
