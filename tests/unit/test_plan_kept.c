/* A plan's two layers, its steps, and both as a kept file: what was made by hand outlives another
 * base, new scores and a sitting, and no file is taken by half. */
#include "test.h"

#include "base/file_writer.h"
#include "plan/plan_kept.h"
#include "plan/plan_read.h"
#include "plan/plan_write.h"

#include <math.h>
#include <string.h>

enum { ROWS = 8 };

/* Two types of four rows each, by falling score. */
static struct scan_row rows[ROWS];
static const struct scan scan = {.rows = rows, .count = ROWS};

static int make_rows(void **state)
{
    static char names[ROWS][16];
    (void)state;
    for (int i = 0; i < ROWS; i++) {
        snprintf(names[i], sizeof names[i], "m.%d.%s", i % 4, i < 4 ? "q" : "v");
        rows[i] = (struct scan_row){.module = names[i],
                                    .type = i < 4 ? "q" : "v",
                                    .known = true,
                                    .snr = i < 4 ? 40 - i : 20 - i};
    }
    return 0;
}

static struct plan *new_plan(void)
{
    struct plan *plan = NULL;
    assert_int_equal(plan_new(&plan, &scan, NULL, NULL), 0);
    return plan;
}

/* T trains, - is frozen; what was decided by hand is in another letter: + and x. */
static void assert_plan(const struct plan *plan, const char *expected)
{
    char got[ROWS + 1] = "";
    for (size_t i = 0; i < ROWS; i++) {
        bool hand = plan_edit(plan, i) != PLAN_NO_EDIT;
        got[i] = plan_row(plan, i) ? (hand ? '+' : 'T') : (hand ? 'x' : '-');
    }
    assert_string_equal(got, expected);
}

static void toggle(struct plan *plan, size_t row)
{
    assert_int_equal(plan_toggle(plan, &row, 1, NULL), 0);
}

static void assert_edits(const struct plan *plan, size_t trained, size_t frozen, size_t agreeing)
{
    struct plan_edits edits = plan_edits(plan);
    assert_int_equal(edits.trained, trained);
    assert_int_equal(edits.frozen, frozen);
    assert_int_equal(edits.agreeing, agreeing);
}

static void edits_survive_another_base(void **state)
{
    (void)state;
    struct plan *plan = new_plan();
    assert_int_equal(plan_select(plan, 25, PLAN_BY_TYPE, NULL), 0);
    assert_plan(plan, "T---T---");
    toggle(plan, 1);
    toggle(plan, 4);
    assert_plan(plan, "T+--x---");
    assert_edits(plan, 1, 1, 0);
    assert_int_equal(plan_select(plan, 50, PLAN_BY_TYPE, NULL), 0);
    assert_plan(plan, "T+--xT--");
    assert_edits(plan, 0, 1, 1); /* the base has row 1 by itself now */
    assert_int_equal(plan_select(plan, 50, PLAN_GLOBAL, NULL), 0);
    assert_plan(plan, "T+TTx---");
    assert_edits(plan, 0, 0, 2);
    assert_int_equal(plan_select_all(plan, false, NULL), 0);
    assert_plan(plan, "-+--x---");
    assert_int_equal(plan_base(plan).kind, PLAN_NOTHING);
    assert_int_equal(plan_select_all(plan, true, NULL), 0);
    assert_plan(plan, "T+TTxTTT");
    assert_true(isnan(plan_percent(plan)));
    assert_int_equal(plan_drop_edits(plan, NULL), 0);
    assert_plan(plan, "TTTTTTTT");
    for (int i = 0; i < 2; i++)
        assert_true(plan_undo(plan));
    assert_plan(plan, "-+--x---");
    plan_free(plan);
}

/* Both for the present step and for those that one comes back to. */
static void edits_survive_new_scores(void **state)
{
    (void)state;
    struct plan *plan = new_plan();
    double before = rows[3].snr;
    plan_select(plan, 25, PLAN_BY_TYPE, NULL);
    toggle(plan, 1);
    plan_select(plan, 0, PLAN_BY_TYPE, NULL);
    rows[3].snr = 100;
    plan_refresh(plan);
    assert_plan(plan, "-+------");
    assert_true(plan_undo(plan));
    assert_plan(plan, "-+-TT---");
    rows[3].snr = before;
    plan_refresh(plan);
    assert_plan(plan, "T+--T---");
    plan_free(plan);
}

/* Taken back, an edit is none; of a range each that was named is one, whatever the base says. */
static void an_edit_is_taken_back(void **state)
{
    (void)state;
    static const size_t type[] = {0, 1, 2, 3};
    struct plan *plan = new_plan();
    plan_select(plan, 25, PLAN_BY_TYPE, NULL);
    toggle(plan, 1);
    toggle(plan, 1);
    assert_plan(plan, "T---T---");
    toggle(plan, 0);
    assert_plan(plan, "x---T---");
    toggle(plan, 0);
    assert_plan(plan, "T---T---");
    assert_int_equal(plan_toggle(plan, type, 4, NULL), 0);
    assert_plan(plan, "++++T---");
    assert_edits(plan, 3, 0, 1);
    plan_select(plan, 0, PLAN_BY_TYPE, NULL);
    assert_plan(plan, "++++----");
    plan_free(plan);
}

/* The sub-command's --top, --train and --freeze, in one order and the other. */
static void patterns_are_edits(void **state)
{
    (void)state;
    struct plan *plan = new_plan();
    struct error err = ERROR_INIT;
    size_t matched, now;
    plan_select(plan, 25, PLAN_BY_TYPE, NULL);
    assert_int_equal(plan_set_matching(plan, "^m\\.1\\.", true, &matched, NULL), 0);
    assert_int_equal(plan_set_matching(plan, "v$", false, &matched, NULL), 0);
    assert_plan(plan, "T+--xxxx");
    plan_select(plan, 50, PLAN_BY_TYPE, NULL);
    assert_plan(plan, "T+--xxxx");
    /* one that matches nothing is no step, and cannot be redone */
    size_t count = plan_steps(plan, &now);
    assert_int_equal(plan_set_matching(plan, "nothing", true, &matched, &err), -1);
    assert_int_equal(plan_steps(plan, &now), count);
    assert_false(plan_redo(plan));
    plan_free(plan);
}

/* A list of names says of every module what it does: no edit is left over it. */
static void names_are_a_base(void **state)
{
    (void)state;
    static const char *const names[] = {"m.1.q", "m.3.v.weight"};
    struct plan *plan = new_plan();
    plan_select(plan, 25, PLAN_BY_TYPE, NULL);
    toggle(plan, 2);
    assert_int_equal(plan_set_names(plan, names, 2, "some/plan.yaml", NULL), 0);
    assert_plan(plan, "-T-----T");
    assert_int_equal(plan_base(plan).kind, PLAN_NAMES);
    assert_string_equal(plan_base(plan).source, "some/plan.yaml");
    toggle(plan, 1);
    assert_plan(plan, "-x-----T");
    plan_refresh(plan);
    assert_plan(plan, "-x-----T");
    plan_drop_edits(plan, NULL);
    assert_plan(plan, "-T-----T");
    assert_false(plan_trains(plan, "m.3.v.bias"));
    plan_free(plan);
}

/* Eight steps of every kind; the plan is in the seventh. */
static struct plan *plan_of_steps(void)
{
    static const char *const names[] = {"m.1.q", "m.3.v.weight", "m.2.v.bias"};
    struct plan *plan = new_plan();
    plan_select(plan, 25, PLAN_BY_TYPE, NULL);
    plan_settle(plan);
    toggle(plan, 1);
    plan_select(plan, 37.5, PLAN_GLOBAL, NULL);
    plan_set_head(plan, false, NULL);
    plan_select_all(plan, true, NULL);
    plan_set_names(plan, names, 3, "plan.yaml", NULL);
    toggle(plan, 7);
    plan_drop_edits(plan, NULL);
    assert_true(plan_undo(plan));
    return plan;
}

static void steps_say_what_they_changed(void **state)
{
    (void)state;
    struct plan *plan = plan_of_steps();
    size_t now;
    assert_int_equal(plan_steps(plan, &now), 8);
    assert_int_equal(now, 6);
    struct plan_step step = plan_step(plan, 0);
    assert_false(step.new_base);
    assert_int_equal(step.modules, 2);
    assert_true(step.time > 1700000000);
    step = plan_step(plan, 1);
    assert_int_equal(step.edited, 1);
    assert_int_equal(step.first, 1);
    assert_int_equal(step.trained, 1);
    assert_int_equal(step.begun, 1);
    step = plan_step(plan, 2);
    assert_true(step.new_base && step.base.scope == PLAN_GLOBAL && step.base.percent == 37.5);
    assert_int_equal(step.begun, 1); /* row 2; row 4 no longer */
    assert_int_equal(step.ended, 1);
    assert_int_equal(step.edited, 0);
    step = plan_step(plan, 3);
    assert_true(step.new_head && !step.head && !step.new_base);
    step = plan_step(plan, 7);
    assert_int_equal(step.edited, 1);
    assert_int_equal(step.trained + step.frozen, 0);
    assert_true(plan_go(plan, 0));
    assert_plan(plan, "T---T---");
    assert_true(plan_go(plan, 2));
    assert_plan(plan, "T+T-----");
    assert_false(plan_go(plan, 8));
    plan_free(plan);
}

static int read_text(struct plan *plan, const char *text, struct error *err)
{
    char path[] = "/tmp/spectrum-plan-XXXXXX";
    close(mkstemp(path));
    assert_int_equal(file_save(path, text, strlen(text), NULL), 0);
    int status = plan_read_kept(plan, path, err);
    unlink(path);
    return status;
}

static void assert_same_steps(struct plan *a, struct plan *b)
{
    size_t x, y, count = plan_steps(a, &x);
    assert_int_equal(plan_steps(b, &y), count);
    assert_int_equal(x, y);
    for (size_t i = 0; i < count; i++) {
        struct buffer one = BUFFER_INIT, other = BUFFER_INIT;
        assert_true(plan_go(a, i) && plan_go(b, i));
        plan_put(&one, a, PLAN_JSON, "x");
        plan_put(&other, b, PLAN_JSON, "x");
        assert_string_equal(buffer_string(&one), buffer_string(&other));
        assert_int_equal(plan_step(a, i).time, plan_step(b, i).time);
        assert_int_equal(plan_base(a).kind, plan_base(b).kind);
        for (size_t row = 0; row < ROWS; row++)
            assert_int_equal(plan_edit(a, row), plan_edit(b, row));
        buffer_free(&one);
        buffer_free(&other);
    }
    plan_go(a, x);
    plan_go(b, y);
}

static void all_steps_are_kept(void **state)
{
    (void)state;
    struct plan *plan = plan_of_steps(), *back = new_plan();
    struct buffer text = BUFFER_INIT, again = BUFFER_INIT;
    plan_put_kept(&text, plan, "the model");
    toggle(back, 3); /* of the plan that reads, nothing is left */
    assert_int_equal(read_text(back, buffer_string(&text), NULL), 0);
    assert_plan(back, "-T----Tx");
    assert_same_steps(plan, back);
    assert_true(plan_redo(back) && !plan_redo(back));
    assert_true(plan_undo(back));
    plan_put_kept(&again, back, "the model");
    assert_string_equal(buffer_string(&text), buffer_string(&again));
    buffer_free(&text);
    buffer_free(&again);
    plan_free(plan);
    plan_free(back);
}

/* By what a percentage chose is a step's, too, and what is kept of an older program's says nothing of it. */
static void orders_are_kept(void **state)
{
    (void)state;
    const struct plan_order orders[] = {
        {.kind = ORDER_RANDOM, .seed = 9}, {.kind = ORDER_LAST}, {.metric = METRIC_SPIKES}, {0}};
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        struct plan *plan = new_plan(), *back = new_plan();
        struct buffer text = BUFFER_INIT;
        plan_select_by(plan, 50, PLAN_GLOBAL, &orders[i], NULL);
        plan_put_kept(&text, plan, "the model");
        assert_true((strstr(buffer_string(&text), "\"by\"") != NULL) == (i < 3));
        assert_int_equal(read_text(back, buffer_string(&text), NULL), 0);
        struct plan_order order = plan_base(back).order;
        assert_true(plan_order_is_same(&order, &orders[i]));
        for (size_t row = 0; row < ROWS; row++)
            assert_int_equal(plan_row(plan, row), plan_row(back, row));
        buffer_free(&text);
        plan_free(plan);
        plan_free(back);
    }
}

/* Any reader of JSON plans takes a kept one for what trains now. */
static void a_kept_plan_is_a_plan(void **state)
{
    (void)state;
    struct plan *plan = plan_of_steps(), *back = new_plan();
    struct buffer text = BUFFER_INIT;
    char path[] = "/tmp/spectrum-plan-XXXXXX";
    close(mkstemp(path));
    plan_put_kept(&text, plan, "the model");
    assert_int_equal(file_save(path, text.data, text.length, NULL), 0);
    assert_int_equal(plan_read(back, path, NULL), 0);
    for (size_t i = 0; i < ROWS; i++)
        assert_int_equal(plan_parts(plan, i), plan_parts(back, i));
    unlink(path);
    buffer_free(&text);
    plan_free(plan);
    plan_free(back);
}

/* Of a long history the last steps around the present one, which is always there. */
static void kept_steps_are_bounded(void **state)
{
    (void)state;
    struct plan *plan = new_plan(), *back = new_plan();
    struct buffer text = BUFFER_INIT;
    size_t now;
    for (int i = 0; i < 300; i++)
        plan_select(plan, i % 100, PLAN_BY_TYPE, NULL);
    plan_put_kept(&text, plan, "x");
    assert_int_equal(read_text(back, buffer_string(&text), NULL), 0);
    assert_int_equal(plan_steps(back, &now), PLAN_STEPS_KEPT);
    assert_int_equal(now, PLAN_STEPS_KEPT - 1);
    assert_true(plan_percent(back) == 99);
    assert_true(plan_go(back, 0) && plan_percent(back) == 100 - PLAN_STEPS_KEPT);
    assert_true(plan_go(plan, 100) && plan_percent(plan) == 99);
    buffer_clear(&text);
    plan_put_kept(&text, plan, "x");
    assert_int_equal(read_text(back, buffer_string(&text), NULL), 0);
    assert_true(plan_percent(back) == 99 && plan_redo(back) && plan_percent(back) == 0);
    buffer_free(&text);
    plan_free(plan);
    plan_free(back);
}

/* 5,000 rows, all edited in each of 40 steps: what is written stays in bounds, with the last. */
static void long_steps_are_left_out(void **state)
{
    (void)state;
    enum { MANY = 5000 };
    struct scan_row *many = calloc(MANY, sizeof *many);
    char(*names)[40] = calloc(MANY, sizeof *names);
    size_t *all = calloc(MANY, sizeof *all), now;
    assert_true(many && names && all);
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "model.layers.%d.mlp.down_proj", i);
        many[i] = (struct scan_row){.module = names[i], .type = "d", .known = true, .snr = i};
        all[i] = (size_t)i;
    }
    const struct scan large = {.rows = many, .count = MANY};
    struct plan *plan = NULL, *back = NULL;
    struct buffer text = BUFFER_INIT;
    assert_int_equal(plan_new(&plan, &large, NULL, NULL), 0);
    assert_int_equal(plan_new(&back, &large, NULL, NULL), 0);
    for (int i = 0; i < 40; i++)
        plan_toggle(plan, all, (size_t)(MANY - i), NULL);
    plan_put_kept(&text, plan, "x");
    assert_true(text.length < 4 * PLAN_STEPS_BYTES);
    assert_int_equal(read_text(back, buffer_string(&text), NULL), 0);
    assert_true(plan_steps(back, &now) < 10);
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(plan_edit(back, i), plan_edit(plan, i));
    buffer_free(&text);
    plan_free(plan);
    plan_free(back);
    free(many);
    free(names);
    free(all);
}

#define HEAD "{\"format\": \"spectrum.plan\", \"version\": 1, \"scanned\": 8, \"train\": [], "
#define ENDS "\"embeddings\": true, \"head\": true"
#define EDITS "\"train\": [], \"freeze\": []"
#define STEP "{\"time\": 5, \"base\": \"nothing\", " ENDS ", " EDITS "}"

static void hostile_files_are_refused_whole(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } bad[] = {
        {HEAD "\"now\": 0, \"steps\": {}}", "a list \"steps\""},
        {HEAD "\"now\": 0, \"steps\": []}", "\"now\""},
        {HEAD "\"now\": 1, \"steps\": [" STEP "]}", "\"now\" is not one of its 1 steps"},
        {HEAD "\"now\": -1, \"steps\": [" STEP "]}", "\"now\""},
        {HEAD "\"now\": 0.5, \"steps\": [" STEP "]}", "\"now\""},
        {HEAD "\"steps\": [" STEP "]}", "\"now\""},
        {HEAD "\"now\": 0, \"steps\": [7]}", "time"},
        {HEAD "\"now\": 0, \"steps\": [{" ENDS ", " EDITS "}]}", "time"},
        {HEAD "\"now\": 0, \"steps\": [{\"time\": -1, " ENDS ", " EDITS "}]}", "time"},
        {HEAD "\"now\": 0, \"steps\": [{\"time\": 5, " ENDS ", " EDITS "}]}", "no \"base\""},
        {HEAD "\"now\": 0, \"steps\": [{\"time\": 5, \"base\": \"nothing\", " EDITS "}]}", "head"},
        {HEAD "\"now\": 0, \"steps\": [{\"time\": 5, \"base\": \"best\", " ENDS ", " EDITS "}]}",
         "\"base\" is \"best\""},
        {HEAD
         "\"now\": 0, \"steps\": [{\"time\": 5, \"base\": \"percent\", \"scope\": \"type\", " ENDS
         ", " EDITS "}]}",
         "\"percent\" from 0 to 100"},
        {HEAD "\"now\": 0, \"steps\": [{\"time\": 5, \"base\": \"percent\", \"percent\": 101, "
              "\"scope\": \"type\", " ENDS ", " EDITS "}]}",
         "\"percent\" from 0 to 100"},
        {HEAD "\"now\": 0, \"steps\": [{\"time\": 5, \"base\": \"percent\", \"percent\": 5, "
              "\"scope\": \"tribe\", " ENDS ", " EDITS "}]}",
         "scope"},
        {HEAD "\"now\": 0, \"steps\": [{\"time\": 5, \"base\": \"names\", " ENDS ", " EDITS "}]}",
         "a list \"names\""},
        {HEAD
         "\"now\": 0, \"steps\": [{\"time\": 5, \"base\": \"names\", \"names\": [\"m.9.q\"], " ENDS
         ", " EDITS "}]}",
         "m.9.q"},
        {HEAD "\"now\": 0, \"steps\": [{\"time\": 5, \"base\": \"names\", \"names\": [7], " ENDS
              ", " EDITS "}]}",
         "not a name"},
        {HEAD "\"now\": 0, \"steps\": [{\"time\": 5, \"base\": \"all\", " ENDS
              ", \"train\": [\"m.9.q\"], \"freeze\": []}]}",
         "m.9.q"},
        {HEAD "\"now\": 0, \"steps\": [{\"time\": 5, \"base\": \"all\", " ENDS
              ", \"train\": [\"m.1.q\"], \"freeze\": [\"m.1.q\"]}]}",
         "edited twice"},
        {HEAD "\"now\": 0, \"steps\": [{\"time\": 5, \"base\": \"all\", " ENDS ", \"train\": []}]}",
         "a list \"freeze\""},
        {HEAD "\"now\": 0, \"steps\": [" STEP ", {\"time\": 6}]}", "head"},
        {HEAD "\"now\": 0, \"steps\": [" STEP, "JSON"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct plan *plan = new_plan();
        struct error err = ERROR_INIT;
        plan_select(plan, 25, PLAN_BY_TYPE, NULL);
        assert_int_equal(read_text(plan, bad[i].text, &err), -1);
        if (!strstr(err.text, bad[i].says))
            fail_msg("%zu: \"%s\" does not say \"%s\"", i, err.text, bad[i].says);
        assert_plan(plan, "T---T---");
        assert_false(plan_redo(plan));
        plan_free(plan);
    }
}

/* More steps than anybody writes. */
static void too_many_steps_are_refused(void **state)
{
    (void)state;
    struct plan *plan = new_plan();
    struct buffer text = BUFFER_INIT;
    struct error err = ERROR_INIT;
    buffer_text(&text, HEAD "\"now\": 0, \"steps\": [" STEP);
    for (int i = 0; i < 5000; i++)
        buffer_text(&text, ", " STEP);
    buffer_text(&text, "]}");
    assert_int_equal(read_text(plan, buffer_string(&text), &err), -1);
    assert_non_null(strstr(err.text, "more than"));
    buffer_free(&text);
    plan_free(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edits_survive_another_base),
        cmocka_unit_test(edits_survive_new_scores),
        cmocka_unit_test(an_edit_is_taken_back),
        cmocka_unit_test(patterns_are_edits),
        cmocka_unit_test(names_are_a_base),
        cmocka_unit_test(steps_say_what_they_changed),
        cmocka_unit_test(all_steps_are_kept),
        cmocka_unit_test(orders_are_kept),
        cmocka_unit_test(a_kept_plan_is_a_plan),
        cmocka_unit_test(kept_steps_are_bounded),
        cmocka_unit_test(long_steps_are_left_out),
        cmocka_unit_test(hostile_files_are_refused_whole),
        cmocka_unit_test(too_many_steps_are_refused),
    };
    return cmocka_run_group_tests(tests, make_rows, NULL);
}
