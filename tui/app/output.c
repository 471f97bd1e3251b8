#include "tui/app/output.h"

#include "base/file.h"
#include "base/file_writer.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/sys.h"
#include "tui/app/draw.h"
#include "tui/app/path.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int app_check_over(struct app *app, enum request request, const char *path, const char *what,
                   bool (*is_one)(const char *), bool own, struct error *err)
{
    if (!own && file_is_in_place(path)) /* keys are dead while a pipe waits for its reader */
        return error_set(err, "%.400s is no file: the screen writes to files alone", path);
    if (!file_is_replaced(path))
        return 0;
    if (!is_one(path))
        return error_set(err, "%.400s is there and is not %s; take another name", path, what);
    if (own || app->agreed)
        return 0;
    app_ask(app, request, path, "%.400s is there, %s: write over it? (y/n)", path, what);
    return 1;
}

/* --- captures --- */

/* The word that every frame begins with, cut in a window that is narrower; or nothing at all. */
static bool begins_as_frame(const char *text, size_t size)
{
    static const char word[] = "spectrum";
    size_t length = sizeof word - 1;
    while (isspace((unsigned char)*text))
        text++;
    size_t narrow = strcspn(text, "\n");
    if (narrow >= length)
        return strncmp(text, word, length) == 0;
    return strncmp(text, word, narrow) == 0 && size < 2048;
}

static bool is_capture(const char *path)
{
    enum { HEAD = 4096 };
    char head[HEAD + 1];
    uint64_t size = 0;
    int fd = file_open_read(path, &size, NULL);
    if (fd < 0)
        return false;
    size_t count = size < HEAD ? (size_t)size : HEAD;
    bool read = file_read_at(fd, head, count, 0, path, NULL) == 0;
    sys.close(fd);
    head[read ? count : 0] = '\0';
    return read && strlen(head) == count &&
           (canvas_is_svg(head) || begins_as_frame(head, (size_t)size));
}

static const char a_capture[] = "a picture of the screen";

static bool wrote(const struct app *app, const char *path)
{
    for (size_t i = 0; i < app->written_count; i++)
        if (file_is_same(app->written[i], path))
            return true;
    return false;
}

/* Where memory runs out it is asked about next time. */
static void note_written(struct app *app, const char *path)
{
    if (wrote(app, path) || array_reserve((void **)&app->written, &app->written_capacity,
                                          app->written_count + 1, sizeof *app->written, NULL) != 0)
        return;
    app->written[app->written_count] = string_copy(path, NULL);
    app->written_count += app->written[app->written_count] != NULL;
}

static void put_screen(struct app *app, const char *path, struct buffer *out)
{
    bool light = app->theme.colors[THEME_TEXT] >= 0 &&
                 color_contrast(app->theme.colors[THEME_TEXT]) == 0xFFFFFF;
    app_draw(app);
    if (path_ends_with(path, ".svg"))
        canvas_put_svg(out, &app->canvas, light ? 0x24292f : 0xd8dee9, light ? 0xffffff : 0x14181f);
    else
        canvas_put_text(out, &app->canvas);
}

/* `own`: a picture that is there may be written over unasked. 1: it was asked about. */
static int save_screen(struct app *app, const char *path, bool own, struct error *err)
{
    struct buffer out = BUFFER_INIT;
    int status = session_check_output(&app->session, path, err);
    if (status == 0)
        status = app_check_over(app, REQUEST_SAVE_SCREEN, path, a_capture, is_capture, own, err);
    if (status == 0) {
        put_screen(app, path, &out);
        status = buffer_check(&out, err);
    }
    if (status == 0)
        status = file_save_output(path, out.data, out.length, err);
    if (status == 0)
        note_written(app, path);
    buffer_free(&out);
    return status;
}

int app_save_screen(struct app *app, const char *path, struct error *err)
{
    return save_screen(app, path, true, err);
}

void app_request_save_screen(struct app *app, const char *path)
{
    struct error err = ERROR_INIT;
    int status = save_screen(app, path, wrote(app, path), &err);
    if (status < 0)
        app_error(app, &err);
    else if (status == 0)
        app_message(app, "screen saved to %s", path);
}
