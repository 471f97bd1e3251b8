/* The rules of a step: what the spike guard leaves out, what it learns from, and when it gives in;
 * and how often comes what comes every so many steps. */
#include "test.h"

#include "train/step_rules.h"

#include <math.h>

/* Losses around 2 with a deviation of 0.1. */
static double usual(int i)
{
    return 2 + (i % 2 ? 0.1 : -0.1);
}

static void leaves_out_what_stands_far_above(void **state)
{
    (void)state;
    struct spike_window window = {0};
    double z;
    for (int i = 0; i < SPIKE_LEAST; i++) {
        assert_false(spike_found(&window, 4, i == 3 ? 2.5 : usual(i), &z));
        assert_true(isnan(z)); /* too few to tell */
    }
    assert_false(spike_found(&window, 4, usual(1), &z));
    assert_true(z < 1);
    assert_true(spike_found(&window, 4, 4, &z));
    assert_true(z > 10);
    assert_int_equal(window.count, SPIKE_LEAST + 1); /* it did not learn from that */
    assert_false(spike_found(&window, 4, -5, &z));   /* below is no spike */
    assert_false(spike_found(&window, 1e9, 1000, &z));
}

/* The window forgets: a slow fall of the loss is not a fall out of it. */
static void window_moves(void **state)
{
    (void)state;
    struct spike_window window = {0};
    double z;
    for (int i = 0; i < 500; i++)
        assert_false(spike_found(&window, 4, 10 * exp(-i / 200.0) + 0.05 * (i % 3), &z));
    assert_true(spike_found(&window, 4, 5, &z)); /* usual at step 140 */
}

static void a_new_level_is_believed_at_last(void **state)
{
    (void)state;
    struct spike_window window = {0};
    double z;
    for (int i = 0; i < 100; i++)
        assert_false(spike_found(&window, 4, usual(i), &z));
    for (int i = 0; i < SPIKE_IN_A_ROW; i++)
        assert_true(spike_found(&window, 4, 9, &z));
    assert_false(spike_found(&window, 4, 9, &z));
    assert_int_equal(window.count, 1);
    for (int i = 0; i < 40; i++)
        assert_false(spike_found(&window, 4, 9 + 0.1 * (i % 2), &z));
    assert_true(spike_found(&window, 4, 12, &z));
}

/* Counted step by step. */
static void what_comes_regularly_is_counted(void **state)
{
    (void)state;
    for (int64_t last = 0; last < 14; last++)
        for (int64_t from = 0; from <= last; from++)
            for (int64_t a = 0; a < 16; a++)
                for (int64_t b = 0; b < 16; b++) {
                    int64_t one = 0, both = 0;
                    for (int64_t step = from + 1; step <= last; step++) {
                        one += step_is_due(step, a, last);
                        both += step_is_due(step, a, last) && step_is_due(step, b, last);
                    }
                    assert_int_equal(step_due_count(from, last, a), one);
                    assert_int_equal(step_due_both(from, last, a, b), both);
                }
    assert_int_equal(step_due_both(0, 100, INT64_MAX, INT64_MAX - 1), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_out_what_stands_far_above),
        cmocka_unit_test(window_moves),
        cmocka_unit_test(a_new_level_is_believed_at_last),
        cmocka_unit_test(what_comes_regularly_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
