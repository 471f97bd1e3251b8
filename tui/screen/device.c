/* What there is to compute the scan, and choosing one of it.
 *
 *     What computes the scan
 *
 *     ▶ auto        a GPU quick in fp64, else the CPU                             ○ chosen
 *       cpu         avx2, 2 threads                        22.9 of 23.5 GiB free  ● computes
 *
 *     Enter: the scan continues there, and keeps what it has.
 *     On the map :device NAME takes what is not listed.
 *
 * The list is what the scan's job said of itself (tui/session/scan_launch.h): the screen's process
 * asks no device. Until the job has said it, there are "auto" and the CPU, which is always there.
 */
#include "base/memory.h"
#include "tui/screen/parts.h"
#include "tui/screen/screens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PAGE = 10,
    ID_COLUMNS = 12,
    MARK_COLUMNS = 11,
    WORDS = 72 /* columns from which a mark has one */
};

struct device_view {
    struct list list;
};

/* A line of the list: "auto", then what the scan's job found; before it has said so, the CPU. */
static struct device_info device_at(const struct scan_devices *devices, int line)
{
    if (line == 0)
        return (struct device_info){.id = "auto", .name = "a GPU quick in fp64, else the CPU"};
    if (devices->count == 0)
        return (struct device_info){.id = "cpu"};
    return devices->all[line - 1];
}

/* "auto", and what there is; at least the CPU. */
static int device_lines(const struct scan_devices *devices)
{
    return 1 + (devices->count > 0 ? devices->count : 1);
}

/* What computes now, and what was chosen, which need not be the same: auto chooses by itself, and a
 * device may be lost. In narrow windows the mark has no word. */
static const char *mark_of(const struct session *session, const char *id, bool brief)
{
    if (strcmp(id, session->feed.devices.now.id) == 0)
        return brief ? "●" : session->feed.state == FEED_DONE ? "● computed" : "● computes";
    return strcmp(id, session->device) != 0 ? "" : brief ? "○" : "○ chosen";
}

/* The id, the name as far as there is room, memory at the right, and the mark. */
static void draw_line(struct app *app, struct area area, const struct device_info *device,
                      bool here)
{
    const struct theme *theme = &app->theme;
    struct style text, dim;
    bool brief = area.width < WORDS;
    char memory[80];
    device_memory_put(device, memory, sizeof memory);
    list_line(area, theme, here, &text, &dim);
    area_label(area, 2, 0, ID_COLUMNS - 1, text, device->id);
    int mark = area.width - (brief ? 2 : MARK_COLUMNS), x = 2 + ID_COLUMNS;
    int left = mark - 2 - text_columns(memory);
    area_label(area, x, 0, left - x - 1, dim, device->name);
    area_put(area, left, 0, dim, memory);
    area_put(area, mark, 0, text, mark_of(&app->session, device->id, brief));
}

/* A title, the list, and two lines of what Enter and :device do. */
static void device_draw(struct app *app, void *state, struct area area)
{
    const struct device_view *view = state;
    const struct scan_devices *devices = &app->session.feed.devices;
    int rows = area.height - 5, first = list_first(&view->list, rows);
    area_put(area, 0, 0, theme_style(&app->theme, THEME_TITLE), "What computes the scan");
    for (int i = 0; i < rows && first + i < view->list.count; i++) {
        struct device_info device = device_at(devices, first + i);
        draw_line(app, area_part(area, 0, 2 + i, area.width, 1), &device,
                  first + i == view->list.cursor);
    }
    struct style dim = theme_style(&app->theme, THEME_DIM);
    area_put(area, 0, area.height - 2, dim,
             "Enter: the scan continues there, and keeps what it has.");
    area_put(area, 0, area.height - 1, dim, "On the map :device NAME takes what is not listed.");
}

static bool has_text(const void *context, int line, const char *text)
{
    struct device_info device = device_at(context, line);
    return strstr(device.id, text) || strstr(device.name, text);
}

/* Enter chooses and goes back to the map, where what follows is said. */
static bool device_request(struct app *app, void *state, enum request request, const char *argument)
{
    struct device_view *view = state;
    const struct scan_devices *devices = &app->session.feed.devices;
    struct device_info device = device_at(devices, view->list.cursor);
    if (list_move(&view->list, request, PAGE) ||
        list_search(app, &view->list, request, argument, has_text, devices))
        return true;
    if (request != REQUEST_OPEN)
        return false;
    app_pop(app); /* frees the view */
    screen_choose_device(app, device.id);
    return true;
}

/* The list comes when the job has begun. */
static bool device_tick(struct app *app, void *state)
{
    struct device_view *view = state;
    int count = device_lines(&app->session.feed.devices), before = view->list.count;
    view->list.count = count;
    if (view->list.cursor >= count)
        view->list.cursor = count - 1;
    return count != before;
}

/* The cursor begins on what was chosen. */
static void device_enter(struct app *app, void *state)
{
    struct device_view *view = state;
    device_tick(app, state);
    for (int i = 0; i < view->list.count; i++)
        if (strcmp(device_at(&app->session.feed.devices, i).id, app->session.device) == 0)
            view->list.cursor = i;
}

static const struct view_class device_class = {
    .name = "device",
    .scope = SCOPE_LIST,
    .enter = device_enter,
    .close = free,
    .draw = device_draw,
    .request = device_request,
    .tick = device_tick,
};

bool screen_open_device(struct app *app)
{
    return app_push(app, &device_class, array_alloc(1, sizeof(struct device_view), NULL));
}

void screen_choose_device(struct app *app, const char *name)
{
    struct error err = ERROR_INIT;
    enum feed_state before = app->session.feed.state;
    if (session_choose_device(&app->session, name, &err) != 0) {
        app_error(app, &err);
        return;
    }
    enum feed_state state = app->session.feed.state; /* what follows for the scan that is open */
    if (state == FEED_DONE)
        app_message(app, "this scan is done; the next one goes to %s", name);
    else if (state == FEED_RUNNING)
        app_message(app, "the scan is on %s already", name);
    else if (state == FEED_CHANGING && before != FEED_FAILED)
        app_message(app, "the scan continues on %s after the current matrices", name);
    else
        app_message(app, "the scan goes to %s", name);
}
