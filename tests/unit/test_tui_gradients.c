/* Gradient norms from a run's metrics: rows, frames in bounded memory, resumes, the map's places. */
#include "test_folder.h"

#include "base/buffer.h"
#include "base/folder.h"
#include "job/job_create.h"
#include "tui/session/gradients.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static char *make_run(void)
{
    char *path = path_join(folder, "run", NULL);
    assert_int_equal(job_dir_create(path, NULL), 0);
    return path;
}

static void append(const char *job, const char *text)
{
    char *path = path_join(job, "metrics.jsonl", NULL);
    FILE *file = fopen(path, "a");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    free(path);
}

static void append_line(const char *job, long step, double norm)
{
    char line[256];
    snprintf(line, sizeof line,
             "{\"step\": %ld, \"grad_norms\": {\"model.layers.1.mlp.up_proj.weight\": %g, "
             "\"model.norm.weight\": 1}}\n",
             step, norm);
    append(job, line);
}

static void update(struct gradients *gradients, struct job_metrics *metrics)
{
    size_t added;
    assert_int_equal(job_metrics_update(metrics, &added, NULL), 0);
    do
        gradients_update(gradients, metrics, 1);
    while (gradients_are_behind(gradients, metrics));
}

static void test_rows_have_their_places(void **state)
{
    (void)state;
    static struct gradients gradients;
    struct job_metrics metrics;
    char *job = make_run();
    append(job, "{\"step\": 5, \"grad_norms\": {\"m.layers.0.self_attn.q_proj.lora_A.weight\": 1, "
                "\"m.layers.2.self_attn.q_proj.lora_A.weight\": 3, \"m.norm.weight\": 4, "
                "\"m.layers.0.self_attn.q_proj.lora_B.weight\": null}}\n");
    assert_int_equal(job_metrics_follow(&metrics, job, NULL), 0);
    update(&gradients, &metrics);
    const struct grid *grid = &gradients.grid;
    const struct gradient_frame *frame = &gradients.frames[0];
    assert_int_equal(gradients.frame_count, 1);
    assert_int_equal(grid->layers, 3);
    assert_int_equal(grid->types, 2);
    assert_string_equal(grid->type[0].label, "q A");
    assert_string_equal(grid->type[1].label, "q B");
    assert_true(gradients_norm(frame, grid_row(grid, 2, 0)) == 3);
    assert_int_equal(grid_row(grid, 1, 0), SIZE_MAX);
    assert_true(isnan(gradients_norm(frame, grid_row(grid, 0, 1))));
    double low, high;
    gradients_range(&gradients, frame, &low, &high);
    assert_true(low == 1 && high == 3); /* the norm is in no block */

    /* What of the model no line names has a row, and no norm. */
    char module[] = "m.layers.1.mlp.up_proj", same[] = "m.layers.2.self_attn.q_proj.lora_A",
         type[] = "t";
    struct scan_row rows[] = {{.module = module, .type = type}, {.module = same, .type = type}};
    gradients_add_model(&gradients, &(struct scan){.rows = rows, .count = 2});
    assert_int_equal(gradients.table.count, 5);
    assert_int_equal(gradients.grid.types, 3);
    assert_true(isnan(gradients_norm(&gradients.frames[0], 4)));
    gradients_free(&gradients);
    job_metrics_free(&metrics);
    free(job);
}

/* What trains is in the first blocks; the grid is the model's, and its type that no line names is
 * frozen in all of it. Of adapters' types A and B are rows, and not the weights below them. */
static void test_the_grid_is_the_models(void **state)
{
    (void)state;
    static struct gradients gradients;
    struct job_metrics metrics;
    char *job = make_run();
    append(job, "{\"step\": 5, \"grad_norms\": {\"m.layers.0.mlp.up_proj.weight\": 1, "
                "\"m.layers.1.self_attn.q_proj.lora_A.weight\": 3, "
                "\"m.layers.1.self_attn.q_proj.lora_B.weight\": 2}}\n");
    assert_int_equal(job_metrics_follow(&metrics, job, NULL), 0);
    update(&gradients, &metrics);
    assert_false(gradients_add_blocks(&gradients, NULL));
    cJSON *proof =
        cJSON_Parse("{\"blocks\": {\"layers\": 9, \"prefix\": \"m.layers.\", \"matrices\": "
                    "[\"self_attn.q_proj\", \"mlp.up_proj\", \"mlp.down_proj\"]}}");
    assert_true(gradients_add_blocks(&gradients, proof));
    const struct grid *grid = &gradients.grid;
    assert_int_equal(grid->layers, 9);
    assert_int_equal(grid->types, 4);
    const char *const labels[] = {"q A", "q B", "up", "down"};
    int seen = 0;
    for (int type = 0; type < grid->types; type++)
        for (int i = 0; i < 4; i++)
            seen += strcmp(grid->type[type].label, labels[i]) == 0;
    assert_int_equal(seen, 4);
    double low, high;
    gradients_range(&gradients, &gradients.frames[0], &low, &high);
    assert_true(low == 1 && high == 3);
    cJSON_Delete(proof);

    /* a proof that claims what no map can show is not believed */
    proof = cJSON_Parse("{\"blocks\": {\"layers\": 1e12, \"prefix\": \"m.\", \"matrices\": [1]}}");
    assert_false(gradients_add_blocks(&gradients, proof));
    cJSON_Delete(proof);
    gradients_free(&gradients);
    job_metrics_free(&metrics);
    free(job);
}

static void test_frames_are_bounded_and_keep_both_ends(void **state)
{
    (void)state;
    enum { LINES = 3 * GRADIENT_FRAMES_MAX };
    static struct gradients gradients;
    struct job_metrics metrics;
    char *job = make_run();
    for (long i = 1; i <= LINES; i++)
        append_line(job, 10 * i, (double)i);
    assert_int_equal(job_metrics_follow(&metrics, job, NULL), 0);
    update(&gradients, &metrics);
    size_t count = gradients.frame_count;
    assert_true(count <= GRADIENT_FRAMES_MAX && count > GRADIENT_FRAMES_MAX / 4);
    assert_int_equal(gradients.frames[0].step, 10);
    assert_int_equal(gradients.frames[count - 1].step, 10 * LINES);
    for (size_t i = 0; i < count; i++) {
        assert_true(i == 0 || gradients.frames[i].step > gradients.frames[i - 1].step);
        assert_true(gradients_norm(&gradients.frames[i], 0) ==
                    (double)gradients.frames[i].step / 10);
    }
    assert_int_equal(gradients_frame(&gradients, 1), 0);
    assert_int_equal(gradients_frame(&gradients, 10 * LINES + 5), count - 1);
    gradients_free(&gradients);
    job_metrics_free(&metrics);
    free(job);
}

static void test_a_resume_takes_later_lines_back(void **state)
{
    (void)state;
    static struct gradients gradients;
    struct job_metrics metrics;
    char *job = make_run();
    for (long step = 1; step <= 9; step++)
        append_line(job, step, 1);
    assert_int_equal(job_metrics_follow(&metrics, job, NULL), 0);
    update(&gradients, &metrics);
    assert_int_equal(gradients.frame_count, 9);
    append(job, "{\"event\": \"resume\", \"step\": 4}\n");
    append_line(job, 5, 2);
    update(&gradients, &metrics);
    assert_int_equal(gradients.frame_count, 5);
    assert_true(gradients_norm(&gradients.frames[4], 0) == 2);
    assert_true(gradients_norm(&gradients.frames[3], 0) == 1);
    gradients_free(&gradients);
    job_metrics_free(&metrics);
    free(job);
}

/* More names than a table begins with, each found again in the next line. */
static void test_many_names(void **state)
{
    (void)state;
    enum { NAMES = 5000 };
    static struct gradients gradients;
    struct job_metrics metrics;
    struct buffer line = BUFFER_INIT;
    char *job = make_run();
    for (int step = 1; step <= 2; step++) {
        buffer_clear(&line);
        buffer_format(&line, "{\"step\": %d, \"grad_norms\": {\"a\": 1", step);
        for (int i = 0; i < NAMES; i++)
            buffer_format(&line, ", \"m.layers.%d.experts.%d.w.weight\": %d", i % 50, i / 50, i);
        buffer_text(&line, "}}\n");
        append(job, buffer_string(&line));
    }
    assert_int_equal(job_metrics_follow(&metrics, job, NULL), 0);
    update(&gradients, &metrics);
    assert_int_equal(gradients.table.count, NAMES + 1);
    assert_int_equal(gradients.frame_count, 2);
    for (int i = 0; i < NAMES; i++)
        assert_true(gradients_norm(&gradients.frames[1], (size_t)i + 1) == i);
    gradients_free(&gradients);
    job_metrics_free(&metrics);
    buffer_free(&line);
    free(job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rows_have_their_places, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_the_grid_is_the_models, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_frames_are_bounded_and_keep_both_ends, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_a_resume_takes_later_lines_back, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_many_names, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
