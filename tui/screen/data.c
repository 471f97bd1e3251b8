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
 * A look is the first records (tui/session/data_look.h), so it opens at once however large the data
 * is. What the sequence length cuts off is marked where it begins, and not shown as trained.
 */
#include "base/decimal.h"
#include "base/memory.h"
#include "base/text.h"
#include "text/tokenizer/tokenizer.h"
#include "tui/screen/parts.h"
#include "tui/screen/screens.h"
#include "tui/session/data_look.h"
#include "tui/session/wording.h"
#include "tui/widget/flow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* Does a row end before token i, so that what follows is cut off, or in another row? */
static bool is_cut_at(enum piece_fate fate, int64_t seq_len, size_t i)
{
    size_t row = (size_t)seq_len;
    return (fate == PIECE_TRUNCATED && i == row) || (fate == PIECE_SPLIT && i > 0 && i % row == 0);
}

/* Is it a target of the run, at its sequence length? */
static bool trains(const struct token_list *tokens, enum piece_fate fate, int64_t seq_len, size_t i)
{
    return record_look_trains(tokens, i) && fate != PIECE_DROPPED &&
           !(fate == PIECE_TRUNCATED && i >= (size_t)seq_len);
}

/* Tokens of one kind after another go together, so that a character or a word of several tokens is
 * whole. Where a row ends, that is said in the text. */
static void draw_text(struct app *app, struct area area, struct data_view *view)
{
    const struct token_list *tokens = &shown(view)->tokens;
    struct flow flow = {area, 0, -view->scroll};
    struct style trained = trained_style(app), other = theme_style(&app->theme, THEME_DIM);
    struct style mark = theme_style(&app->theme, THEME_WARNING);
    struct buffer piece = BUFFER_INIT;
    int64_t row = view->look.seq_len;
    enum piece_fate fate = data_look_fate(&view->look, shown(view));
    size_t end = tokens->count < TOKENS_SHOWN ? tokens->count : TOKENS_SHOWN;
    for (size_t i = 0; i < end && flow.y < area.height; i++) {
        if (is_cut_at(fate, row, i)) {
            char words[96];
            int length =
                snprintf(words, sizeof words,
                         fate == PIECE_SPLIT ? " [row %zu] " : " [cut off here, at %zu tokens] ",
                         fate == PIECE_SPLIT ? i / (size_t)row + 1 : i);
            flow_put(&flow, mark, words, (size_t)length);
        }
        tokenizer_piece(view->look.tokenizer, tokens->ids[i], &piece);
        bool counts = trains(tokens, fate, row, i);
        if (i + 1 < end && trains(tokens, fate, row, i + 1) == counts &&
            !is_cut_at(fate, row, i + 1) && piece.length < PIECE_MOST)
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
    int64_t row = view->look.seq_len;
    enum piece_fate fate = data_look_fate(&view->look, shown(view));
    view->more = (size_t)view->scroll + (size_t)area.height < tokens->count;
    for (int y = 0; y < area.height && (size_t)view->scroll + (size_t)y < tokens->count; y++) {
        size_t i = (size_t)view->scroll + (size_t)y;
        bool cut = fate == PIECE_DROPPED || (fate == PIECE_TRUNCATED && i >= (size_t)row);
        float weight = trains(tokens, fate, row, i) ? tokens->weights[i] : 0;
        char counts[32];
        snprintf(counts, sizeof counts, "%s", cut ? "cut off" : "-");
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
                      const struct data_look *look, const struct record_look *record)
{
    static const char *const fates[] = {
        [PIECE_WHOLE] = "",
        [PIECE_DROPPED] = "; left out: longer than a row of ",
        [PIECE_TRUNCATED] = "; cut off: longer than a row of ",
        [PIECE_SPLIT] = "; split: longer than a row of ",
    };
    enum piece_fate fate = data_look_fate(look, record);
    struct buffer line = BUFFER_INIT;
    buffer_format(&line, "%s:%zu  %s", file_shown(data, record->path), record->line, record->form);
    for (size_t i = 0; i < record->unread.count; i++)
        buffer_format(&line, "%s%s", i ? ", " : "; not read: ", record->unread.items[i].text);
    if (record->tokens.count < 2)
        buffer_text(&line, "; left out: fewer than two tokens");
    buffer_text(&line, fates[fate]);
    if (fate != PIECE_WHOLE)
        buffer_format(&line, "%lld tokens", (long long)look->seq_len);
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
    int y = 2 + draw_place(app, area_part(area, 0, 2, area.width, PLACE_ROWS), view->path, look,
                           record);
    struct buffer notes = BUFFER_INIT; /* what is true of the whole look beside its counts */
    if (look->undesired > 0)
        buffer_format(&notes, "%zu undesired (label false)", look->undesired);
    if (look->too_short > 0)
        buffer_format(&notes, "%s%zu left out (fewer than two tokens)",
                      notes.length > 0 ? ", " : "", look->too_short);
    struct cut_counts cuts;
    char words[128];
    data_look_count(&cuts, look);
    cut_counts_put(&cuts, words, sizeof words);
    if (words[0])
        buffer_format(&notes, "%sat %lld tokens a row: %s", notes.length > 0 ? "; " : "",
                      (long long)look->seq_len, words);
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
    } else if (view && data_look_read(&view->look, app->session.model, settings, view->path,
                                      LOOK_ARRAY_ASKED, &err) == 0) {
        data_lengths_keep(&app->session.lengths, &view->look, settings, view->path);
        return app_push(app, &data_class, view);
    } else {
        app_error(app, &err);
    }
    free(view);
    return false;
}
