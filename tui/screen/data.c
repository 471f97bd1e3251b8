/* A look at the data before it is trained on: documents as the trainer will see them, with what is
 * supervised marked. */
#include "base/memory.h"
#include "base/text.h"
#include "text/tokenizer.h"
#include "tui/screen/data_look.h"
#include "tui/screen/list.h"
#include "tui/screen/screens.h"
#include "tui/widget/flow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKENS_SHOWN = 8000 };

struct data_view {
    struct data_look look;
    size_t document;
    int scroll; /* lines */
};

/* Tokens of one kind after another go together, so that a character of several tokens is whole. */
static void draw_document(struct app *app, struct area area, const struct data_view *view)
{
    const struct dataset *data = &view->look.data;
    uint64_t begin = data->offsets[view->document], end = data->offsets[view->document + 1];
    struct flow flow = {area, 0, -view->scroll};
    struct style trained = theme_style(&app->theme, THEME_ACCENT);
    struct style other = theme_style(&app->theme, THEME_DIM);
    struct buffer piece = BUFFER_INIT;
    if (theme_is_mono(&app->theme))
        trained.attributes |= ATTRIBUTE_UNDERLINE;
    if (end - begin > TOKENS_SHOWN)
        end = begin + TOKENS_SHOWN;
    for (uint64_t i = begin; i < end && flow.y < area.height; i++) {
        tokenizer_piece(view->look.tokenizer, data->ids[i], &piece);
        bool counts = data->weights[i] > 0;
        if (i + 1 < end && (data->weights[i + 1] > 0) == counts && piece.length < 512)
            continue;
        flow_put(&flow, counts ? trained : other, buffer_string(&piece), piece.length);
        buffer_clear(&piece);
    }
    buffer_free(&piece);
}

static void data_draw(struct app *app, void *state, struct area area)
{
    const struct data_view *view = state;
    const struct dataset *data = &view->look.data;
    struct style text = theme_style(&app->theme, THEME_TEXT),
                 dim = theme_style(&app->theme, THEME_DIM);
    uint64_t begin = data->offsets[view->document], end = data->offsets[view->document + 1];
    uint64_t supervised = 0;
    for (uint64_t i = begin + 1; i < end; i++)
        supervised += data->weights[i] > 0;
    area_print(area, 0, 0, text, "%zu document%s, %llu tokens, %llu of them supervised (%.1f %%)%s",
               data->documents, text_s(data->documents), (unsigned long long)data->tokens,
               (unsigned long long)data->supervised,
               100.0 * (double)data->supervised / (double)data->tokens,
               view->look.cut ? " in its first part" : "");
    int x = area_print(area, 0, 1, theme_style(&app->theme, THEME_TITLE), "document %zu of %zu",
                       view->document + 1, data->documents);
    bool mono = theme_is_mono(&app->theme);
    x += area_print(area, x, 1, dim, "  %llu tokens, %llu supervised: %s",
                    (unsigned long long)(end - begin), (unsigned long long)supervised,
                    mono ? "underlined" : "in this colour ");
    if (!mono)
        area_put(area, x, 1, theme_style(&app->theme, THEME_ACCENT), "■");
    area_put(area, 0, area.height - 1, dim, "PgDn PgUp: the next document, the one before");
    draw_document(app, area_part(area, 0, 3, area.width, area.height - 5), view);
}

static void turn_to(struct data_view *view, size_t document)
{
    view->document = document;
    view->scroll = 0;
}

static bool data_request(struct app *app, void *state, enum request request, const char *argument)
{
    struct data_view *view = state;
    size_t last = view->look.data.documents - 1;
    (void)app;
    (void)argument;
    switch (request) {
    case REQUEST_UP:
    case REQUEST_DOWN:
        view->scroll += request == REQUEST_DOWN ? 1 : view->scroll > 0 ? -1 : 0;
        return true;
    case REQUEST_RIGHT:
    case REQUEST_PAGE_DOWN:
        turn_to(view, view->document < last ? view->document + 1 : last);
        return true;
    case REQUEST_LEFT:
    case REQUEST_PAGE_UP:
        turn_to(view, view->document > 0 ? view->document - 1 : 0);
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
    .scope = SCOPE_LIST,
    .close = data_close,
    .draw = data_draw,
    .request = data_request,
};

static int read_look(const struct app *app, struct data_look *look, struct error *err)
{
    const struct settings *settings = &app->session.settings;
    const char *columns = settings->values[SETTING_COLUMNS];
    const char *chat = settings->values[SETTING_TEMPLATE];
    struct dataset_options options = {
        .columns = columns[0] ? columns : NULL,
        .template_name = settings_is(settings, SETTING_TEMPLATE, "auto") ? NULL : chat,
        .template_may_rest = true, /* it is one of several files, or the beginning of one */
    };
    return data_look_read(look, app->session.model->checkpoint, settings->values[SETTING_DATA],
                          &options, err);
}

bool screen_open_data(struct app *app)
{
    struct error err = ERROR_INIT;
    char why[256];
    struct data_view *view = array_alloc(1, sizeof *view, NULL);
    if (!settings_check(&app->session.settings, SETTING_DATA, why, sizeof why)) {
        app_message(app, "data: %s", why);
    } else if (view && read_look(app, &view->look, &err) == 0) {
        return app_push(app, &data_class, view);
    } else {
        app_error(app, &err);
    }
    free(view);
    return false;
}
