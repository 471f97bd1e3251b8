/* The watch screen's layout at every size, and which steps it shows. */
#include "test.h"

#include "tui/screen/watch_layout.h"
#include "tui/screen/watch_window.h"

enum { FRAME = 3 }; /* rows of the window that are not the view's */

static bool is_inside(const struct watch_rect *rect, int width, int height)
{
    return rect->x >= 0 && rect->y >= 0 && rect->width >= 0 && rect->height >= 0 &&
           rect->x + rect->width <= width && rect->y + rect->height <= height;
}

static bool overlap(const struct watch_rect *a, const struct watch_rect *b)
{
    return a->x < b->x + b->width && b->x < a->x + a->width && a->y < b->y + b->height &&
           b->y < a->y + a->height;
}

/* As watch_layout.h promises. */
static void check_layout(int width, int height, const struct watch_known *known)
{
    struct watch_layout layout = watch_layout(width, height, known);
    const struct watch_rect *parts = layout.parts, *main = &parts[WATCH_MAIN];
    bool right = parts[WATCH_HEAD].height == 1 && parts[WATCH_STATE].height == 2 &&
                 parts[WATCH_NOTE].height == 1;
    for (int i = 0; i < WATCH_PARTS; i++) {
        right = right && is_inside(&parts[i], width, height);
        for (int k = 0; k < i; k++)
            right = right && !overlap(&parts[i], &parts[k]);
    }
    bool alone = (known->reads || !known->curves) && main->height == 0;
    if (!known->curves)
        right = right && alone && parts[WATCH_TEXT].height >= 4;
    if (!alone)
        right = right && main->width >= WATCH_MAIN_COLUMNS && main->height >= WATCH_MAIN_ROWS;
    int rows = main->height - 4; /* for what not every run has */
    for (int i = WATCH_RATE; i <= WATCH_USE; i++) {
        bool wanted = i <= WATCH_MEMORY || (i == WATCH_DEVICE ? known->device : known->use);
        if (alone || !wanted || (i > WATCH_MEMORY && rows-- <= 0))
            right = right && parts[i].height == 0;
        else
            right = right && parts[i].width >= WATCH_PANEL_COLUMNS && parts[i].height >= 1;
    }
    if (known->reads)
        right = right && parts[WATCH_TEXT].height >= 4;
    if (known->table && main->height >= 21 + 3 * (known->device + known->use))
        right = right && parts[WATCH_TABLE].height == 8;
    if (known->reason_rows > 0)
        right = right && parts[WATCH_REASON].height > 0;
    if (!right)
        fail_msg("%dx%d, reason %d, end %d, table %d, reads %d, device %d, use %d", width,
                 height + FRAME, known->reason_rows, known->end_rows, known->table, known->reads,
                 known->device, known->use);
}

static void every_size_has_its_layout(void **state)
{
    (void)state;
    for (int width = 60; width <= 250; width++)
        for (int height = 16 - FRAME; height <= 80 - FRAME; height++)
            for (int i = 0; i < 512; i++)
                check_layout(width, height,
                             &(struct watch_known){.reason_rows = i & 4 ? i & 3 ? 9 : 1 : 0,
                                                   .end_rows = i & 8 ? 1 + (i & 1) : 0,
                                                   .table = i & 1,
                                                   .reads = i & 16,
                                                   .device = i & 32,
                                                   .use = i & 64,
                                                   .samples = i & 256,
                                                   .curves = !(i & 128)});
}

/* While a run grows by single steps, what is shown of it changes now and then alone. */
static void windows_move_in_jumps(void **state)
{
    (void)state;
    static const struct watch_window windows[] = {{.kind = WATCH_ALL},
                                                  {.kind = WATCH_LAST, .steps = 400}};
    static const int most[] = {30, 410};
    for (int i = 0; i < 2; i++) {
        struct watch_steps before = {0, 0};
        int changes = 0;
        for (int64_t last = -1; last <= 20000; last++) {
            struct watch_extent extent = {last, 20000};
            struct watch_steps steps = watch_window_steps(&windows[i], extent);
            assert_true(steps.from < steps.to && steps.to >= last && steps.to <= 20000);
            assert_true(i == 0 || last < 400 || steps.to - steps.from == 400);
            changes += steps.from != before.from || steps.to != before.to;
            before = steps;
        }
        if (changes > most[i])
            fail_msg("window %d changes %d times", i, changes);
    }
}

/* Whatever is pressed in whatever order, the window has steps and the cross-hair is among those
 * that there are. */
static void keys_leave_a_window(void **state)
{
    (void)state;
    uint32_t random = 1;
    static const struct watch_extent extents[] = {{-1, -1},   {0, 10},      {1, 1},
                                                  {200, 200}, {123456, -1}, {INT64_C(1) << 53, -1}};
    for (size_t i = 0; i < sizeof extents / sizeof *extents; i++) {
        struct watch_extent extent = extents[i];
        struct watch_window window = {.kind = WATCH_ALL};
        for (int k = 0; k < 3000; k++) {
            random = random * 1664525 + 1013904223;
            switch (random >> 28) {
            case 0:
                watch_window_all(&window);
                break;
            case 1:
                watch_window_last(&window, random >> 20 & 255);
                break;
            case 2:
                window.log_x = !window.log_x;
                break;
            case 3:
            case 4:
            case 5:
                watch_window_zoom(&window, extent, true);
                break;
            case 6:
            case 7:
                watch_window_zoom(&window, extent, false);
                break;
            case 8:
                window.crossed = false;
                break;
            default:
                watch_window_move(&window, extent, random >> 24 & 1 ? 1 : -1, random >> 16 & 127);
            }
            struct watch_steps steps = watch_window_steps(&window, extent);
            assert_true(steps.from >= 0 && steps.from < steps.to);
            assert_true(!window.log_x || steps.from > 0);
            assert_true(!window.crossed ||
                        (window.cross >= 0 && window.cross <= (extent.last > 0 ? extent.last : 0)));
        }
    }
}

static void zooming_in_and_out_comes_back(void **state)
{
    (void)state;
    struct watch_extent extent = {1000, 4000};
    struct watch_window window = {.kind = WATCH_ALL};
    watch_window_zoom(&window, extent, true);
    assert_int_equal(window.kind, WATCH_LAST);
    assert_int_equal(window.steps, 500);
    watch_window_zoom(&window, extent, false);
    assert_int_equal(window.kind, WATCH_ALL);

    watch_window_move(&window, extent, -1, 101); /* ten steps a column, from the last one */
    assert_true(window.crossed);
    assert_int_equal(window.cross, 990);
    for (int i = 0; i < 49; i++)
        watch_window_move(&window, extent, -1, 101);
    assert_int_equal(window.cross, 500);
    watch_window_zoom(&window, extent, true);
    watch_window_zoom(&window, extent, true);
    struct watch_steps steps = watch_window_steps(&window, extent);
    assert_int_equal(steps.from, 375);
    assert_int_equal(steps.to, 625);
    for (int i = 0; i < 60; i++)
        watch_window_move(&window, extent, 1, 101); /* the window comes along */
    steps = watch_window_steps(&window, extent);
    assert_true(steps.to - steps.from == 250 && window.cross > 625 && window.cross <= steps.to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_has_its_layout),
        cmocka_unit_test(windows_move_in_jumps),
        cmocka_unit_test(keys_leave_a_window),
        cmocka_unit_test(zooming_in_and_out_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
