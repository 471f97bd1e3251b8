/* The same choices as lm-evaluation-harness makes, with the same model and files: oracle.json is made
 * by tests/oracle/make_tasks.py. */
#include "test.h"

#include "base/folder.h"
#include "base/json.h"
#include "compute/devices/devices.h"
#include "job/source.h"
#include "task/answer.h"
#include "task/task.h"

#include <math.h>
#include <string.h>

struct bench {
    struct source source;
    struct tokenizer *tokenizer;
    struct backend *backend;
    struct transformer *transformer;
    struct task_evaluation *evaluation;
};

/* Rows of so many tokens: few, so that there are several. */
static void bench_open(struct bench *bench, const char *names, const char *folder, int64_t limit,
                       int64_t row)
{
    struct error err = ERROR_INIT;
    const struct state_choice choice = {.step = 0};
    const struct end_tokens ends = {.count = 0};
    const struct task_watch watch = {.work = NULL};
    char *model = path_join(SPECTRUM_SOURCE_DIR, "demo/model", NULL);
    *bench = (struct bench){.evaluation = NULL};
    if (source_open(&bench->source, model, &choice, &err) != 0 ||
        source_tokenizer(&bench->tokenizer, &bench->source, &err) != 0 ||
        backend_open(&bench->backend, "cpu", 2, &err) != 0 ||
        task_evaluation_open(&bench->evaluation, names, folder, limit, &err) != 0 ||
        task_evaluation_encode(bench->evaluation, bench->tokenizer,
                               bench->source.model->config.max_positions, row, &err) != 0 ||
        source_transformer(&bench->transformer, &bench->source, bench->backend,
                           task_evaluation_tokens(bench->evaluation),
                           task_evaluation_longest(bench->evaluation), WEIGHTS_FP32, true,
                           &err) != 0 ||
        task_evaluation_run(bench->evaluation, bench->transformer, bench->tokenizer, &ends, &watch,
                            &err) != 0)
        fail_msg("%s", err.text);
    free(model);
}

static void bench_close(struct bench *bench)
{
    task_evaluation_close(bench->evaluation);
    transformer_free(bench->transformer);
    backend_close(bench->backend);
    tokenizer_close(bench->tokenizer);
    source_close(&bench->source);
}

/* One item: likelihoods to a thousandth part of themselves; counts whether the choices are. */
static void compare(const struct task_score *score, const cJSON *item, const char *name, int index,
                    int *same)
{
    const cJSON *likelihoods = json_get(item, "likelihoods"), *value;
    int64_t chosen = -1, chosen_norm = -1;
    int count = 0;
    assert_true(json_get_int64(item, "chosen", &chosen));
    assert_true(json_get_int64(item, "chosen_norm", &chosen_norm));
    assert_int_equal(cJSON_GetArraySize(likelihoods), score->count);
    cJSON_ArrayForEach(value, likelihoods)
    {
        double own = score->likelihoods[count], other = value->valuedouble;
        if (!(fabs(own - other) <= 1e-3 + 1e-4 * fabs(other)))
            fail_msg("%s, item %d: choice %d has %.5f, the harness %.5f", name, index + 1, count,
                     own, other);
        count++;
    }
    *same += score->chosen == chosen && score->chosen_norm == chosen_norm;
}

/* Of all items at least 99 in 100 are chosen alike, by either rule. */
static void compare_tasks(const char *names, const char *folder, int64_t row)
{
    struct bench bench;
    struct error err = ERROR_INIT;
    const char *data = getenv("SPECTRUM_TEST_DATA");
    char *path = path_join(data, "tasks/oracle.json", NULL);
    cJSON *oracle = json_read_file(path, 1 << 24, JSON_OBJECT, &err);
    int same = 0, all = 0;
    int64_t limit = 0;
    if (!oracle)
        fail_msg("%s", err.text);
    assert_true(json_get_int64(oracle, "limit", &limit));
    bench_open(&bench, names, folder, limit, row);
    for (size_t i = 0; i < task_evaluation_count(bench.evaluation); i++) {
        const struct task_result *result = task_evaluation_result(bench.evaluation, i);
        const cJSON *items = json_get(json_get(oracle, "tasks"), result->task->name), *item;
        int index = 0, right = 0;
        assert_int_equal(cJSON_GetArraySize(items), result->items);
        cJSON_ArrayForEach(item, items)
        {
            struct task_score score = task_evaluation_score(bench.evaluation, i, (size_t)index);
            int64_t acc = 0;
            compare(&score, item, result->task->name, index++, &same);
            json_get_int64(item, "acc", &acc);
            right += (int)acc;
        }
        assert_in_range(result->right, right > 0 ? right - 1 : 0, right + 1);
        all += index;
    }
    assert_true(all > 0 && 100 * same >= 99 * all);
    cJSON_Delete(oracle);
    free(path);
    bench_close(&bench);
}

static void published_forms_are_chosen_alike(void **state)
{
    (void)state;
    char *folder = path_join(getenv("SPECTRUM_TEST_DATA"), "tasks", NULL);
    compare_tasks("arc_challenge,winogrande,mmlu,truthfulqa_mc1,boolq", folder, 1024);
    compare_tasks("boolq,winogrande", folder, 1); /* a row for each item */
    free(folder);
}

static void kept_forms_are_chosen_alike(void **state)
{
    (void)state;
    TEST_FOLDER_OR_SKIP(shared, "SPECTRUM_SHARED_DATA");
    char *folder = path_join(shared, "eval", NULL);
    compare_tasks("arc_easy,piqa,hellaswag", folder, 700);
    free(folder);
}

/* By the harness' regular expressions, as Python's re finds them. */
static void answers_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *text, *answer;
        bool strict, flexible;
    } cases[] = {
        {"So it is 18.\n#### 18", "9 * 2 = 18\n#### 18", true, true},
        {"#### 1,234 and #### 5", "#### 1234", true, false},
        {"#### 5 and 1,234.", "#### 1234", false, true},
        {"the total is $70,000", "#### 70000", false, true},
        {"the total is $7", "#### 7", false, true},
        {"#### -3.", "#### -3", true, true},
        {"####18", "#### 18", false, true},
        {"no number", "#### 18", false, false},
        {"", "#### 18", false, false},
        {"it is 18 ...", "#### 18", false, false}, /* the last match is "..." */
        {"#### 18.0", "#### 18", false, false},
        {"9 #### ", "#### 9", false, true},
    };
    struct error err = ERROR_INIT;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct answer_verdict verdict;
        assert_int_equal(answer_judge(&verdict, cases[i].text, cases[i].answer, &err), 0);
        if (verdict.strict != cases[i].strict || verdict.flexible != cases[i].flexible)
            fail_msg("\"%s\": %d %d", cases[i].text, verdict.strict, verdict.flexible);
    }
    assert_int_equal(answer_end("18\n\nQuestion: x</s>", 19), 4);
    assert_int_equal(answer_end("18", 2), 2);
}

int main(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(published_forms_are_chosen_alike),
        cmocka_unit_test(kept_forms_are_chosen_alike),
        cmocka_unit_test(answers_are_found),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
