#include "test.h"

#include "base/file_writer.h"
#include "base/folder.h"
#include "model/score_rows.h"
#include "plan/plan_kept.h"
#include "plan/plan_read.h"
#include "plan/plan_write.h"

#include <math.h>
#include <string.h>

enum { ROWS = 9 };

/* Two types: five of "q" with a tie and an infinity, three of "v" with a NaN, and the embedding. */
static struct scan_row rows[ROWS] = {
    {.module = "m.0.q", .type = "q", .known = true, .snr = 1},
    {.module = "m.1.q", .type = "q", .known = true, .snr = 3},
    {.module = "m.10.q", .type = "q", .known = true, .snr = 3},
    {.module = "m.2.q", .type = "q", .known = true, .snr = INFINITY},
    {.module = "m.3.q", .type = "q", .known = true, .snr = 2},
    {.module = "m.0.v", .type = "v", .known = true, .snr = NAN},
    {.module = "m.1.v", .type = "v", .known = true, .snr = 0.5},
    {.module = "m.2.v", .type = "v", .known = true, .snr = 0.25},
    {.module = "model.embed_tokens", .type = "model.embed_tokens", .known = true, .snr = 9},
};
static const struct scan scan = {.rows = rows, .count = ROWS};

/* One letter a row: T trains, - is frozen. */
static void assert_plan(const struct plan *plan, const char *expected)
{
    char got[ROWS + 1] = {0};
    for (size_t i = 0; i < ROWS; i++)
        got[i] = plan_row(plan, i) ? 'T' : '-';
    assert_string_equal(got, expected);
}

static struct plan *new_plan(void)
{
    struct plan *plan = NULL;
    assert_int_equal(plan_new(&plan, &scan, NULL, NULL), 0);
    return plan;
}

static void selects_by_type_and_globally(void **state)
{
    (void)state;
    struct plan *plan = new_plan();
    assert_int_equal(plan_select(plan, 40, PLAN_BY_TYPE, NULL), 0);
    assert_plan(plan, "-T-T--T-T"); /* 2 of 5, 1 of 3; the tie in file order; NaN last */
    assert_int_equal(plan_select(plan, 50, PLAN_GLOBAL, NULL), 0);
    assert_plan(plan, "-TTTT---T");
    assert_int_equal(plan_select(plan, 100, PLAN_BY_TYPE, NULL), 0);
    assert_plan(plan, "TTTTT-TTT"); /* what has no score is never selected */
    assert_int_equal(plan_select(plan, 100, PLAN_GLOBAL, NULL), 0);
    assert_plan(plan, "TTTTT-TTT");
    assert_int_equal(plan_select(plan, 101, PLAN_GLOBAL, NULL), -1);
    size_t of = 0;
    assert_int_equal(plan_rank(plan, 2, &of), 3);
    assert_int_equal(of, 5);
    plan_free(plan);
}

/* Of 5 and 3 by type, of 8 together; what has no score does not count. */
static void the_next_percentage_selects_another_number(void **state)
{
    (void)state;
    struct plan *plan = new_plan();
    static const struct {
        enum plan_scope scope;
        double from, above, below;
    } cases[] = {
        {PLAN_BY_TYPE, 40, 60, 39},  {PLAN_BY_TYPE, 60, 67, 59},  {PLAN_BY_TYPE, 39, 40, 33},
        {PLAN_BY_TYPE, 80, 100, 79}, {PLAN_BY_TYPE, 0, 20, NAN},  {PLAN_BY_TYPE, 100, NAN, 99},
        {PLAN_GLOBAL, 50, 63, 49},   {PLAN_GLOBAL, 12.5, 25, 12}, {PLAN_GLOBAL, 88, NAN, 87},
        {PLAN_GLOBAL, 87.4, 88, 74},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double above = plan_next_percent(plan, cases[i].from, cases[i].scope, true),
               below = plan_next_percent(plan, cases[i].from, cases[i].scope, false);
        assert_true(isnan(above) ? isnan(cases[i].above) : above == cases[i].above);
        assert_true(isnan(below) ? isnan(cases[i].below) : below == cases[i].below);
    }
    plan_free(plan);
}

/* By the number of the block, by a draw, by another number: each with the steps that led there. */
static void selects_by_other_orders(void **state)
{
    (void)state;
    struct plan *plan = new_plan();
    const struct plan_order last = {.kind = ORDER_LAST}, first = {.kind = ORDER_FIRST},
                            drawn = {.kind = ORDER_RANDOM, .seed = 7},
                            rank = {.metric = METRIC_STABLE_RANK};
    char seven[ROWS], eight[ROWS];
    size_t of = 0;
    plan_select(plan, 40, PLAN_BY_TYPE, NULL);
    assert_int_equal(plan_select_by(plan, 40, PLAN_BY_TYPE, &last, NULL), 0);
    assert_plan(plan, "--T-T--TT"); /* blocks 10 and 3, and 2; not by the text */
    assert_int_equal(plan_rank(plan, 2, &of), 1);
    assert_int_equal(plan_select(plan, 40, PLAN_BY_TYPE, NULL), 0); /* the order stays */
    assert_plan(plan, "--T-T--TT");
    assert_int_equal(plan_select_by(plan, 40, PLAN_BY_TYPE, &first, NULL), 0);
    assert_plan(plan, "TT---T--T"); /* what has no SNR, too */
    assert_int_equal(plan_select_by(plan, 40, PLAN_BY_TYPE, &drawn, NULL), 0);
    size_t q = 0, v = 0, same = 0;
    for (size_t i = 0; i < ROWS - 1; i++) {
        seven[i] = plan_row(plan, i);
        (i < 5 ? &q : &v)[0] += (size_t)seven[i];
    }
    assert_int_equal(q, 2);
    assert_int_equal(v, 1);
    for (uint64_t seed = 8; seed < 40; seed++) {
        const struct plan_order other = {.kind = ORDER_RANDOM, .seed = seed};
        plan_select_by(plan, 40, PLAN_BY_TYPE, &other, NULL);
        size_t alike = 0;
        for (size_t i = 0; i < ROWS - 1; i++)
            alike += (eight[i] = plan_row(plan, i)) == seven[i];
        same += alike == ROWS - 1;
    }
    assert_in_range(same, 0, 8); /* of 30 draws that there are, one in 30 is the same */
    plan_select_by(plan, 40, PLAN_BY_TYPE, &rank, NULL);
    assert_plan(plan, "--------T"); /* this scan has none */
    while (plan_undo(plan))
        ;
    assert_true(plan_redo(plan));
    assert_plan(plan, "-T-T--T-T");
    assert_int_equal(plan_rank(plan, 3, &of), 1);
    assert_true(plan_redo(plan));
    assert_plan(plan, "--T-T--TT");
    assert_int_equal(plan_rank(plan, 2, &of), 1);
    plan_free(plan);
}

static void undoes_and_redoes(void **state)
{
    (void)state;
    struct plan *plan = new_plan();
    plan_select(plan, 40, PLAN_BY_TYPE, NULL);
    size_t cells[] = {0, 1};
    assert_int_equal(plan_toggle(plan, cells, 2, NULL), 0);
    assert_plan(plan, "TT-T--T-T"); /* one was frozen: all train */
    plan_toggle(plan, cells, 2, NULL);
    assert_plan(plan, "---T--T-T");
    assert_true(plan_undo(plan) && plan_undo(plan));
    assert_plan(plan, "-T-T--T-T");
    assert_true(plan_percent(plan) == 40);
    assert_true(plan_redo(plan));
    assert_plan(plan, "TT-T--T-T");
    plan_set_embeddings(plan, false, NULL);
    assert_plan(plan, "TT-T--T--");
    assert_false(plan_redo(plan));
    while (plan_undo(plan))
        continue;
    assert_plan(plan, "--------T");
    for (int i = 0; i < 2500; i++) /* more steps than are kept */
        assert_int_equal(plan_toggle(plan, cells, 1, NULL), 0);
    assert_true(plan_undo(plan));
    plan_free(plan);
}

static void patterns_count_what_they_match(void **state)
{
    (void)state;
    struct plan *plan = new_plan();
    struct error err = ERROR_INIT;
    size_t matched;
    assert_int_equal(plan_set_matching(plan, "^m\\.1\\.", true, &matched, &err), 0);
    assert_int_equal(matched, 2);
    assert_plan(plan, "-T----T-T");
    assert_int_equal(plan_set_matching(plan, "nothing", true, &matched, &err), -1);
    assert_non_null(strstr(err.text, "matches no scanned module"));
    plan_free(plan);
}

static void read_text(struct plan *plan, const char *text, int expected, const char *says)
{
    char path[] = "/tmp/spectrum-plan-XXXXXX";
    close(mkstemp(path));
    struct error err = ERROR_INIT;
    assert_int_equal(file_save(path, text, strlen(text), NULL), 0);
    assert_int_equal(plan_read(plan, path, &err), expected);
    if (says && !strstr(err.text, says))
        fail_msg("\"%s\" does not say \"%s\"", err.text, says);
    unlink(path);
}

static void every_own_form_reads_back(void **state)
{
    (void)state;
    static const enum plan_format formats[] = {PLAN_YAML, PLAN_JSON, PLAN_AXOLOTL, PLAN_TRL};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        struct plan *plan = new_plan(), *back = new_plan();
        struct buffer out = BUFFER_INIT;
        plan_select(plan, 40, PLAN_BY_TYPE, NULL);
        plan_set_head(plan, false, NULL);
        plan_put(&out, plan, formats[i], "a\x1bmodel\nx");
        assert_null(strchr(buffer_string(&out), '\x1b'));
        read_text(back, buffer_string(&out), 0, NULL);
        assert_plan(back, "-T-T--T-T");
        assert_false(plan_head(back));
        /* This scan does not say whether there is a bias: every form takes it where there is. */
        assert_true(plan_trains(back, "m.1.q.weight"));
        assert_true(plan_trains(back, "m.1.q.bias"));
        assert_false(plan_trains(back, "m.10.q.weight"));
        buffer_free(&out);
        plan_free(plan);
        plan_free(back);
    }
}

static void single_tensors_read_back(void **state)
{
    (void)state;
    static const enum plan_format formats[] = {PLAN_YAML, PLAN_JSON, PLAN_AXOLOTL, PLAN_TRL};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        struct plan *plan = new_plan(), *back = new_plan();
        struct buffer out = BUFFER_INIT;
        read_text(plan, "unfrozen_parameters:\n- ^m.0.q.bias$\n- m.1.q.weight\n- m.2.q\n", 0, NULL);
        assert_false(plan_embeddings(plan) || plan_head(plan));
        plan_put(&out, plan, formats[i], "x");
        read_text(back, buffer_string(&out), 0, NULL);
        assert_plan(back, "TT-T-----");
        assert_true(plan_trains(back, "m.0.q.bias") && !plan_trains(back, "m.0.q.weight"));
        assert_true(plan_trains(back, "m.1.q.weight") && !plan_trains(back, "m.1.q.bias"));
        assert_true(plan_trains(back, "m.2.q.weight"));
        buffer_free(&out);
        plan_free(plan);
        plan_free(back);
    }
}

/* A norm is in no row of a scan of matrices; with the model at hand its name means it all the same.
 */
static void tensors_that_the_scan_lacks_read_back(void **state)
{
    (void)state;
    static const char norm[] = "model.layers.0.input_layernorm.weight";
    char *path = path_join(getenv("SPECTRUM_TEST_DATA"), "../../demo/model", NULL);
    struct model *model = NULL;
    struct scan *of_model = NULL;
    assert_int_equal(model_open(&model, path, NULL), 0);
    assert_int_equal(scan_for_model(&of_model, NULL, model, NULL, NULL), 0);
    static const enum plan_format formats[] = {PLAN_YAML, PLAN_JSON, PLAN_AXOLOTL, PLAN_TRL};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        struct plan *plan = NULL, *back = NULL;
        struct buffer out = BUFFER_INIT;
        assert_int_equal(plan_new(&plan, of_model, model, NULL), 0);
        assert_int_equal(plan_new(&back, of_model, model, NULL), 0);
        read_text(plan, "unfrozen_parameters:\n- model.norm\n- model.layers.1.mlp.up_proj\n", 0,
                  NULL);
        read_text(plan, "unfrozen_parameters:\n- ^model.layers.0.input_layernorm.weight$\n", 0,
                  NULL);
        assert_int_equal(plan_counts(plan).parameters, 192);
        assert_true(plan_undo(plan));
        assert_true(plan_trains(plan, "model.norm.weight") && !plan_trains(plan, norm));
        plan_put(&out, plan, formats[i], "x");
        read_text(back, buffer_string(&out), 0, NULL);
        assert_int_equal(plan_counts(back).parameters, 192 + 192 * 384);
        assert_int_equal(plan_select(back, 0, PLAN_BY_TYPE, NULL), 0);
        assert_false(plan_trains(back, "model.norm.weight"));
        buffer_free(&out);
        plan_free(plan);
        plan_free(back);
    }
    scan_free(of_model);
    model_close(model);
    free(path);
}

/* A row of a bias alone, as `--modules .` lists it, is a tensor by its own name in every form. */
static void rows_of_biases_keep_their_names(void **state)
{
    (void)state;
    struct scan_row row = {
        .module = "m.0.q.bias", .type = "q.bias", .known = true, .snr = INFINITY};
    const struct scan one = {.rows = &row, .count = 1};
    struct plan *plan = NULL;
    struct buffer out = BUFFER_INIT;
    assert_int_equal(plan_new(&plan, &one, NULL, NULL), 0);
    plan_select(plan, 100, PLAN_BY_TYPE, NULL);
    for (enum plan_format format = PLAN_YAML; format <= PLAN_MS_SWIFT; format++)
        plan_put(&out, plan, format, "x");
    assert_null(strstr(buffer_string(&out), "bias.weight"));
    assert_null(strstr(buffer_string(&out), "bias\\.weight"));
    buffer_free(&out);
    plan_free(plan);
}

static void patterns_and_toggles_reach_the_switches(void **state)
{
    (void)state;
    struct plan *plan = new_plan();
    size_t matched, embedding = ROWS - 1;
    assert_int_equal(plan_set_matching(plan, "embed_tokens|lm_head", false, &matched, NULL), 0);
    assert_int_equal(matched, 2); /* the head is no row of this scan, and has its switch */
    assert_false(plan_embeddings(plan) || plan_head(plan));
    assert_int_equal(plan_toggle(plan, &embedding, 1, NULL), 0);
    assert_true(plan_embeddings(plan) && plan_row(plan, embedding));
    plan_free(plan);
}

/* 100,000 types of one module each: found, ranked and written without a look at every pair. */
static void many_types_are_no_trouble(void **state)
{
    (void)state;
    enum { MANY = 100000 };
    struct scan_row *many = calloc(MANY, sizeof *many);
    char(*names)[16] = calloc(MANY, sizeof *names);
    assert_true(many && names);
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "t%d", i);
        many[i] = (struct scan_row){.module = names[i], .type = names[i], .known = true, .snr = i};
    }
    const struct scan large = {.rows = many, .count = MANY};
    struct plan *plan = NULL;
    struct buffer out = BUFFER_INIT;
    assert_int_equal(plan_new(&plan, &large, NULL, NULL), 0);
    plan_select(plan, 100, PLAN_BY_TYPE, NULL);
    plan_put(&out, plan, PLAN_YAML, "x");
    assert_true(plan_trains(plan, "t99999"));
    assert_non_null(strstr(buffer_string(&out), "\n- t99999\n"));
    buffer_free(&out);
    plan_free(plan);
    free(names);
    free(many);
}

static void bad_plans_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"", "empty"},
        {"unfrozen_parameters:\n", "trains nothing"},
        {"unfrozen_parameters:\n- m.4.q\n", "\"m.4.q\" is not a module"},
        {"unfrozen_parameters:\n- m.1\n", "\"m.1\" is not a module"},
        {"unfrozen_parameters: &a\n- m.1.q\n", ":1: there are no anchors here (&a)"},
        {"unfrozen_parameters:\n- m.1.q\n- *a\n", ":3: there are no aliases here (*a)"},
        {"unfrozen_parameters:\n- m.1.q\n- !!binary bS4xLnE=\n",
         ":3: there are no tags here (tag:yaml.org,2002:binary)"},
        {"!mine\nunfrozen_parameters:\n- m.1.q\n", "there are no tags here (!mine)"},
        {"unfrozen_parameters:\n- m.1.q\nunfrozen_parameters:\n- m.2.q\n",
         ":3: unfrozen_parameters is there a second time"},
        {"unfrozen_parameters:\n- m.1.q\n---\nunfrozen_parameters:\n- m.2.q\n",
         ":3: a second document begins here"},
        {"unfrozen_parameters:\n- \"m.1.q\\0\"\n", ":2: a text has a NUL"},
        {"unfrozen_parameters: unfrozen_parameters\n", ":1: unfrozen_parameters is a list, not"},
        {"? [m.1.q]\n: m.1.q\n", ":1: a plan is \"unfrozen_parameters:\" and a list"},
        {"- m.1.q\n", ":1: a plan is \"unfrozen_parameters:\" and a list"},
        {"unfrozen_parameters:\n  m: q\n", ":2: a plan is \"unfrozen_parameters:\" and a list"},
        {"'':\n- m.1.q\n", ":1: \"\" is not a part of a plan"},
        {"unfrozen_parameters:\n- [m.1.q]\n", ":2: a plan is \"unfrozen_parameters:\" and a list"},
        {"unfrozen_parameters:\n- m.1.q\nother:\n- m.1.q\n",
         ":3: \"other\" is not a part of a plan"},
        {"root:x:0:0:root:/root:/bin/bash\n", "not a plan"},
        {"unfrozen_parameters: [", ": not valid YAML"},
        {"{\"format\": \"spectrum.plan\", \"version\": 2, \"train\": [\"m.1.q\"]}", "version 2"},
        {"{\"train\": []}", "not a plan"},
        {"{\"format\": \"spectrum.plan\", \"version\": 1, \"names_of\": \"a friend\", "
         "\"train\": [\"m.1.q\"]}",
         "\"names_of\" is \"a friend\""},
        {"{\"format\": \"spectrum.plan\", \"version\": 1, \"names_of\": 1, \"train\": "
         "[\"m.1.q\"]}",
         "\"names_of\" is not a text"},
        {"{\"format\": \"spectrum.plan\", \"version\": 1, \"train\": [\"m.1.q\", 1]}",
         "an entry that is not a name"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct plan *plan = new_plan();
        plan_select(plan, 40, PLAN_BY_TYPE, NULL);
        read_text(plan, bad[i].text, -1, bad[i].says);
        assert_plan(plan, "-T-T--T-T");
        plan_free(plan);
    }
}

#define KEPT "{\"format\": \"spectrum.plan\", \"version\": 1, "

static int read_kept(struct plan *plan, const char *text, struct error *err)
{
    char path[] = "/tmp/spectrum-plan-XXXXXX";
    close(mkstemp(path));
    assert_int_equal(file_save(path, text, strlen(text), NULL), 0);
    int status = plan_read_kept(plan, path, err);
    unlink(path);
    return status;
}

/* What a percentage chose is chosen again, by the scores of then; what was done by hand, nothing
 * at all included, is as it was. */
static void kept_plans_come_back(void **state)
{
    (void)state;
    static const size_t first[] = {0};
    struct plan *plan = new_plan(), *back = new_plan();
    struct buffer out = BUFFER_INIT;
    double before = rows[0].snr;
    plan_set_embeddings(plan, false, NULL);
    plan_select(plan, 50, PLAN_GLOBAL, NULL);
    plan_put_kept(&out, plan, "the model");
    rows[0].snr = 100; /* known better by the time that it is read */
    assert_int_equal(read_kept(back, buffer_string(&out), NULL), 0);
    plan_refresh(plan);
    plan_refresh(back);
    for (size_t i = 0; i < ROWS; i++)
        assert_int_equal(plan_row(back, i), plan_row(plan, i));
    assert_true(plan_row(back, 0));
    assert_int_equal(plan_base(back).kind, PLAN_PERCENT);
    assert_true(plan_percent(back) == 50 && plan_base(back).scope == PLAN_GLOBAL);
    assert_true(!plan_embeddings(back) && plan_head(back));

    plan_toggle(plan, first, 1, NULL);
    buffer_clear(&out);
    plan_put_kept(&out, plan, "the model");
    assert_int_equal(read_kept(back, buffer_string(&out), NULL), 0);
    assert_true(plan_percent(back) == 50); /* the edit lies over it */
    assert_int_equal(plan_edit(back, 0), PLAN_EDIT_FREEZE);
    assert_false(plan_row(back, 0));
    assert_true(plan_undo(back)); /* one step */
    assert_true(plan_row(back, 0));

    plan_select(plan, 0, PLAN_BY_TYPE, NULL);
    plan_set_head(plan, false, NULL);
    buffer_clear(&out);
    plan_put_kept(&out, plan, "the model");
    assert_int_equal(read_kept(back, buffer_string(&out), NULL), 0);
    assert_plan(back, "---------");
    buffer_free(&out);
    plan_free(plan);
    plan_free(back);
    rows[0].snr = before;
}

static void kept_plans_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"", "is empty"},
        {"unfrozen_parameters:\n- m.1.q\n", "JSON"},
        {KEPT "\"train\": [\"m.1.q\"]}", "over how many"},
        {KEPT "\"scanned\": 8, \"train\": [\"m.1.q\"]}", "over 8 matrices, here are 9"},
        {KEPT "\"scanned\": 9, \"train\": [\"m.7.q\"]}", "m.7.q"},
        {KEPT "\"scanned\": 9, \"percent\": 500, \"scope\": \"type\", \"embeddings\": true, "
              "\"head\": true, \"train\": []}",
         "from 0 to 100"},
        {KEPT "\"scanned\": 9, \"percent\": 5, \"scope\": \"tribe\", \"embeddings\": true, "
              "\"head\": true, \"train\": []}",
         "scope"},
        {KEPT "\"scanned\": 9, \"percent\": 5, \"scope\": \"type\", \"train\": []}", "head"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct plan *plan = new_plan();
        struct error err = ERROR_INIT;
        plan_select(plan, 40, PLAN_BY_TYPE, NULL);
        assert_int_equal(read_kept(plan, bad[i].text, &err), -1);
        if (!strstr(err.text, bad[i].says))
            fail_msg("\"%s\" does not say \"%s\"", err.text, bad[i].says);
        assert_plan(plan, "-T-T--T-T");
        plan_free(plan);
    }
}

/* A word of a plan makes none: what else is in the file would be lost. */
static void only_plans_are_taken_for_plans(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is;
    } files[] = {
        {"unfrozen_parameters:\n- ^lm_head.weight$\n", true},
        {KEPT "\"train\": [\"m.1.q\"]}", true},
        {"base_model: x\nunfrozen_parameters:\n- ^lm_head.weight$\n", false},
        {"# unfrozen_parameters of a spectrum.plan\n", false},
        {"unfrozen_parameters of a spectrum.plan\n", false},
        {"{\"format\": \"spectrum.scan\", \"train\": [\"m.1.q\"]}", false},
        {"", false},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[] = "/tmp/spectrum-plan-XXXXXX";
        close(mkstemp(path));
        assert_int_equal(file_save(path, files[i].text, strlen(files[i].text), NULL), 0);
        assert_int_equal(plan_is_file(path), files[i].is);
        unlink(path);
    }
    assert_false(plan_is_file("/tmp"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(selects_by_type_and_globally),
        cmocka_unit_test(the_next_percentage_selects_another_number),
        cmocka_unit_test(selects_by_other_orders),
        cmocka_unit_test(undoes_and_redoes),
        cmocka_unit_test(patterns_count_what_they_match),
        cmocka_unit_test(every_own_form_reads_back),
        cmocka_unit_test(single_tensors_read_back),
        cmocka_unit_test(tensors_that_the_scan_lacks_read_back),
        cmocka_unit_test(rows_of_biases_keep_their_names),
        cmocka_unit_test(patterns_and_toggles_reach_the_switches),
        cmocka_unit_test(many_types_are_no_trouble),
        cmocka_unit_test(bad_plans_are_refused),
        cmocka_unit_test(kept_plans_come_back),
        cmocka_unit_test(kept_plans_that_do_not_fit_are_refused),
        cmocka_unit_test(only_plans_are_taken_for_plans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
