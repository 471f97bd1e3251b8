/* Models whose experts lie in one tensor: the scores of their matrices, the share that has one, and
 * the tensors that a plan of them trains, against tests/oracle/make_experts.py. */
#include "gguf_data.h"

#include "base/folder.h"
#include "base/json.h"
#include "base/text.h"
#include "model/score_read.h"
#include "model/score_table.h"
#include "plan/plan_read.h"
#include "plan/plan_write.h"
#include "spectra/scan.h"

#include <math.h>
#include <string.h>

static const char *const families[] = {"gpt_oss", "granitemoe", "llama4_text", "qwen3_5_moe_text",
                                       "phi3"};
enum { FAMILIES = sizeof families / sizeof *families };

static char *path_of(const char *name)
{
    char below[100];
    snprintf(below, sizeof below, "spectra/experts/%s", name);
    return path_join(getenv("SPECTRUM_TEST_DATA"), below, NULL);
}

/* What the script found; cJSON_Delete() it. */
static cJSON *oracle(void)
{
    struct error err = ERROR_INIT;
    char *path = path_of("experts.json");
    cJSON *json = json_read_file(path, 1 << 24, JSON_LOOSE_NUMBERS, &err);
    if (!json)
        fail_msg("%s", err.text);
    free(path);
    return json;
}

static struct model *open_family(const char *family)
{
    struct error err = ERROR_INIT;
    struct model *model = NULL;
    char *path = path_of(family);
    if (model_open(&model, path, &err) != 0)
        fail_msg("%s", err.text);
    free(path);
    return model;
}

static struct scan_result *scan_with(const struct model *model, const char *device, bool split)
{
    struct error err = ERROR_INIT;
    struct scan_result *result = NULL;
    struct scan_options options = {.device = device, .rows = {NULL, split}};
    if (scan_run(&result, model, NULL, &options, NULL, &err) != 0)
        fail_msg("%s", err.text);
    return result;
}

static struct scan_result *scan_of(const struct model *model, const char *device)
{
    return scan_with(model, device, false);
}

/* `expected`, and what is not there in `rest`. */
static void assert_scores(const struct scan *scan, const cJSON *expected, const cJSON *rest)
{
    for (size_t i = 0; i < scan->count; i++) {
        double snr = 0;
        if (!json_get_double(expected, scan->rows[i].module, &snr) &&
            !json_get_double(rest, scan->rows[i].module, &snr))
            fail_msg("%s is no row of the oracle's", scan->rows[i].module);
        double off = fabs(scan->rows[i].snr - snr);
        if (scan->rows[i].snr != snr && !(off <= 1e-6 * snr))
            fail_msg("%s: %.10g, not %.10g", scan->rows[i].module, scan->rows[i].snr, snr);
    }
}

/* On the CPU and the reference: every matrix of a stack has its score. */
static void experts_are_scored(void **state)
{
    (void)state;
    static const char *const devices[] = {"cpu", "reference"};
    cJSON *expected = oracle();
    for (int i = 0; i < 2 * FAMILIES; i++) {
        const cJSON *family = json_get(expected, families[i / 2]);
        struct model *model = open_family(families[i / 2]);
        struct scan_result *result = scan_of(model, devices[i % 2]);
        struct scan_share share = scan_share(result->scan);
        int64_t total = 0, scored = 0;
        assert_scores(result->scan, json_get(family, "snr"), NULL);
        assert_int_equal(result->scan->count, cJSON_GetArraySize(json_get(family, "snr")));
        assert_true(json_get_int64(family, "parameters", &total));
        assert_true(json_get_int64(family, "scored", &scored));
        assert_true(share.known);
        assert_int_equal(share.total, total);
        assert_int_equal(share.scored, scored);
        assert_int_equal(share.failed, 0);
        assert_int_equal(share.total - share.scored, share.ends + share.omitted + share.rest);
        scan_result_free(result);
        model_close(model);
    }
    cJSON_Delete(expected);
}

/* --split-fused: each projection that shares a matrix has its own score, and is planned with the
 * others of its tensor. */
static void projections_are_scored_apart(void **state)
{
    (void)state;
    cJSON *expected = oracle();
    for (int i = 0; i < FAMILIES; i++) {
        const cJSON *family = json_get(expected, families[i]), *apart = json_get(family, "apart");
        struct model *model = open_family(families[i]);
        struct scan_result *result = scan_with(model, "cpu", true);
        int64_t scored = 0;
        size_t count = 0;
        assert_true(cJSON_GetArraySize(apart) > 0);
        assert_scores(result->scan, apart, json_get(family, "snr"));
        for (size_t k = 0; k < result->scan->count; k++)
            count += json_get(apart, result->scan->rows[k].module) != NULL;
        assert_int_equal(count, cJSON_GetArraySize(apart));
        assert_true(json_get_int64(family, "scored", &scored));
        assert_int_equal(scan_share(result->scan).scored, scored);
        /* as many tensors are planned as without */
        struct scan_result *whole = scan_of(model, "cpu");
        struct plan *plan = NULL, *other = NULL;
        assert_int_equal(plan_new(&plan, result->scan, model, NULL), 0);
        assert_int_equal(plan_new(&other, whole->scan, model, NULL), 0);
        assert_int_equal(plan_counts(plan).modules_total, plan_counts(other).modules_total);
        plan_free(plan);
        plan_free(other);
        scan_result_free(whole);
        scan_result_free(result);
        model_close(model);
    }
    cJSON_Delete(expected);
}

/* Element [r, c] of a matrix is 8 r + c, so that the rows and columns of a part can be read off it. */
static void layouts_are_known_or_refused(void **state)
{
    (void)state;
    static const struct {
        const char *config, *tensor;
        int shape[3];     /* the last 0: two dimensions */
        const char *says; /* of a refusal; NULL: it has parts */
        float k[8];       /* the second part, up to 8 values */
    } rows[] = {
        {"{\"model_type\": \"gpt_neox\", \"num_attention_heads\": 2}",
         "gpt_neox.layers.0.attention.query_key_value.weight",
         {6, 2},
         NULL,
         {8, 9, 32, 33}},
        {"{\"model_type\": \"gpt_neox\", \"num_attention_heads\": 4}",
         "gpt_neox.layers.0.attention.query_key_value.weight",
         {6, 2},
         "configuration's heads",
         {0}},
        {"{\"model_type\": \"unheard_of\"}",
         "gpt_neox.layers.0.attention.query_key_value.weight",
         {6, 2},
         "not known",
         {0}},
        /* Falcon: all heads share a key; each has one; two groups of two */
        {"{\"model_type\": \"falcon\", \"num_attention_heads\": 4, \"num_kv_heads\": 4}",
         "transformer.h.0.self_attention.query_key_value.weight",
         {6, 2},
         NULL,
         {32, 33}},
        {"{\"model_type\": \"falcon\", \"num_attention_heads\": 2, \"multi_query\": false}",
         "transformer.h.0.self_attention.query_key_value.weight",
         {6, 2},
         NULL,
         {8, 9, 32, 33}},
        {"{\"model_type\": \"falcon\", \"num_attention_heads\": 4, \"num_kv_heads\": 2, "
         "\"new_decoder_architecture\": true}",
         "transformer.h.0.self_attention.query_key_value.weight",
         {8, 2},
         NULL,
         {16, 17, 48, 49}},
        {"{\"model_type\": \"falcon\", \"num_attention_heads\": 4, \"num_kv_heads\": 3, "
         "\"new_decoder_architecture\": true}",
         "transformer.h.0.self_attention.query_key_value.weight",
         {8, 2},
         "configuration's heads",
         {0}},
        {"{\"model_type\": \"mpt\", \"d_model\": 2, \"n_heads\": 2}",
         "transformer.blocks.0.attn.Wqkv.weight",
         {6, 2},
         NULL,
         {16, 17, 24, 25}},
        {"{\"model_type\": \"mpt\", \"d_model\": 3, \"n_heads\": 1}",
         "transformer.blocks.0.attn.Wqkv.weight",
         {6, 2},
         "configuration's heads",
         {0}},
        {"{\"model_type\": \"dbrx\", \"d_model\": 4, \"n_heads\": 4, \"attn_config\": "
         "{\"kv_n_heads\": 2}}",
         "transformer.blocks.0.norm_attn_norm.attn.Wqkv.weight",
         {8, 2},
         NULL,
         {32, 33, 40, 41}},
        {"{\"model_type\": \"dbrx\", \"d_model\": 4, \"n_heads\": 4, \"attn_config\": "
         "{\"kv_n_heads\": 4}}",
         "transformer.blocks.0.norm_attn_norm.attn.Wqkv.weight",
         {8, 2},
         "configuration's heads",
         {0}},
        {"{\"model_type\": \"qwen3_vl_moe\", \"text_config\": {\"moe_intermediate_size\": 2}}",
         "model.language_model.layers.0.mlp.experts.gate_up_proj",
         {1, 2, 4},
         NULL,
         {2, 3, 10, 11}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buffer file = BUFFER_INIT, header = BUFFER_INIT;
        struct error err = ERROR_INIT;
        struct model *model = NULL;
        struct scan *scan = NULL;
        struct matrix_part *parts = NULL;
        char *folder = data_folder();
        bool stack = rows[i].shape[2] > 0;
        int down = rows[i].shape[stack], across = rows[i].shape[stack + 1];
        buffer_format(&header,
                      "{\"%s\": {\"dtype\": \"F32\", \"shape\": [%s%d, %d], "
                      "\"data_offsets\": [0, %d]}}",
                      rows[i].tensor, stack ? "1, " : "", down, across, down * across * 4);
        gguf_number(&file, header.length, 8);
        buffer_append(&file, header.data, header.length);
        for (int r = 0; r < down; r++)
            for (int c = 0; c < across; c++) {
                float value = (float)(8 * r + c);
                buffer_append(&file, &value, sizeof value);
            }
        data_text(folder, "config.json", rows[i].config);
        data_file(folder, "model.safetensors", file.data, file.length);
        assert_int_equal(model_open(&model, folder, &err), 0);
        const struct scan_choice choice = {.split_fused = true};
        int status = scan_for_model(&scan, &parts, model, &choice, &err);
        if (!rows[i].says) {
            float k[8] = {0};
            if (status != 0)
                fail_msg("%s", err.text);
            assert_int_equal(scan->count, stack ? 2 : 3);
            assert_true(text_ends_with(scan->rows[1].type, stack ? ".up" : ".k"));
            assert_int_equal(matrix_part_read(model, &parts[1], k, NULL), 0);
            for (int at = 0; at < 8; at++)
                assert_true(k[at] == rows[i].k[at]);
        } else {
            assert_int_equal(status, -1);
            assert_non_null(strstr(err.text, rows[i].tensor));
            assert_non_null(strstr(err.text, rows[i].says));
        }
        free(parts);
        scan_free(scan);
        model_close(model);
        data_folder_remove(folder);
        buffer_free(&header);
        buffer_free(&file);
    }
}

/* The tensors of the blocks that train, biases apart, are those of the list. */
static void assert_trains(const struct plan *plan, const struct model *model, const cJSON *list)
{
    size_t count = 0;
    const cJSON *name;
    for (size_t i = 0; i < model->parameter_count; i++) {
        const struct parameter *parameter = &model->parameters[i];
        bool weight = parameter->layer >= 0 && !text_ends_with(parameter->name, "bias");
        count += weight && plan_trains(plan, parameter->name);
    }
    assert_int_equal(count, cJSON_GetArraySize(list));
    cJSON_ArrayForEach(name, list)
    {
        if (!plan_trains(plan, name->valuestring))
            fail_msg("%s is frozen", name->valuestring);
    }
}

/* The same from the scan's file, which has no model. */
static struct scan *read_back(const struct scan *scan, bool strict)
{
    struct buffer text = BUFFER_INIT;
    struct scan *back = NULL;
    struct error err = ERROR_INIT;
    (strict ? scan_put_json : scan_put_file)(&text, scan);
    if (scan_parse(&back, text.data, text.length, "a scan", &err) != 0)
        fail_msg("%s", err.text);
    buffer_free(&text);
    return back;
}

static struct plan *plan_of(const struct scan *scan, const struct model *model,
                            enum plan_scope scope)
{
    struct plan *plan = NULL;
    assert_int_equal(plan_new(&plan, scan, model, NULL), 0);
    assert_int_equal(plan_select(plan, 50, scope, NULL), 0);
    return plan;
}

static void tensors_are_chosen_whole(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        enum plan_scope scope;
    } ways[] = {{"each", PLAN_BY_TYPE}, {"together", PLAN_TOGETHER}};
    cJSON *expected = oracle();
    int differ = 0;
    for (int i = 0; i < FAMILIES; i++) {
        const cJSON *family = json_get(expected, families[i]);
        struct model *model = open_family(families[i]);
        struct scan_result *result = scan_of(model, "cpu");
        for (int way = 0; way < 2; way++) {
            const cJSON *list = json_get(family, ways[way].key);
            struct plan *plan = plan_of(result->scan, model, ways[way].scope);
            struct plan_counts counts = plan_counts(plan);
            assert_trains(plan, model, list);
            assert_int_equal(counts.modules, cJSON_GetArraySize(list));
            plan_free(plan);
            for (int strict = 0; strict < 2; strict++) {
                struct scan *file = read_back(result->scan, strict);
                plan = plan_of(file, NULL, ways[way].scope);
                assert_trains(plan, model, list);
                assert_int_equal(plan_counts(plan).parameters, counts.parameters);
                assert_int_equal(plan_counts(plan).modules_total, counts.modules_total);
                plan_free(plan);
                scan_free(file);
            }
        }
        differ += !cJSON_Compare(json_get(family, "each"), json_get(family, "together"), true);
        scan_result_free(result);
        model_close(model);
    }
    assert_true(differ > 0); /* or one of the two rankings is not tested */
    cJSON_Delete(expected);
}

/* --- a tensor is one, whoever speaks of it --- */

static const char down[] = "model.layers.1.mlp.experts.down_proj";

/* As the formats write it, and read again. */
static void plans_name_the_tensor(void **state)
{
    (void)state;
    struct model *model = open_family("gpt_oss");
    struct scan_result *result = scan_of(model, "cpu");
    struct plan *plan = plan_of(result->scan, model, PLAN_BY_TYPE), *back = NULL;
    const char *name = "model.layers.1.mlp.experts.down_proj";
    assert_int_equal(plan_set_names(plan, &name, 1, NULL, NULL), 0);
    assert_int_equal(plan_counts(plan).parameters, 3 * 10 * 12 + 3 * 12); /* and its bias */
    for (int format = PLAN_YAML; format <= PLAN_MS_SWIFT; format++) {
        struct buffer text = BUFFER_INIT;
        if (format == PLAN_PEFT)
            continue; /* which has no adapter for it */
        plan_put(&text, plan, (enum plan_format)format, "a model");
        assert_non_null(strstr(buffer_string(&text), "down_proj"));
        assert_non_null(strstr(buffer_string(&text), "down_proj_bias"));
        assert_null(strstr(buffer_string(&text), "down_proj.0"));
        buffer_free(&text);
    }
    assert_true(plan_lost_in_peft(plan).tensors == 1 && plan_lost_in_peft(plan).experts == 1);
    /* its bias alone */
    static const char *const bias[] = {"model.layers.1.mlp.experts.down_proj_bias"};
    assert_int_equal(plan_new(&back, result->scan, model, NULL), 0);
    assert_int_equal(plan_set_names(back, bias, 1, NULL, NULL), 0);
    assert_false(plan_trains(back, down));
    assert_true(plan_trains(back, bias[0]));
    assert_int_equal(plan_counts(back).parameters, 3 * 12);
    plan_free(back);
    plan_free(plan);
    scan_result_free(result);
    model_close(model);
}

static size_t row_of(const struct scan *scan, const char *module)
{
    return (size_t)(scan_find(scan, module) - scan->rows);
}

static void an_expert_alone_is_refused(void **state)
{
    (void)state;
    struct model *model = open_family("gpt_oss");
    struct scan_result *result = scan_of(model, "cpu");
    struct plan *plan = plan_of(result->scan, model, PLAN_BY_TYPE);
    struct error err = ERROR_INIT;
    static const char *const alone[] = {"model.layers.1.mlp.experts.down_proj.2"};
    size_t matched = 0, row = row_of(result->scan, alone[0]);
    assert_int_equal(plan_set_names(plan, alone, 1, NULL, &err), -1);
    assert_non_null(strstr(err.text, "is a part of a tensor"));
    assert_int_equal(plan_set_matching(plan, "down_proj\\.2$", true, &matched, &err), -1);
    assert_non_null(strstr(err.text, "trains or freezes as one"));
    /* the tensor's own name is one module, and a toggled row is all of it */
    bool trained = plan_trains(plan, down);
    assert_int_equal(
        plan_set_matching(plan, "1\\.mlp\\.experts\\.down_proj$", !trained, &matched, &err), 0);
    assert_int_equal(matched, 1);
    assert_true(plan_trains(plan, down) == !trained);
    assert_int_equal(plan_edits(plan).trained + plan_edits(plan).frozen, 1);
    assert_int_equal(plan_toggle(plan, &row, 1, NULL), 0);
    assert_true(plan_trains(plan, down) == trained);
    for (int expert = 0; expert < 3; expert++) {
        char name[60];
        snprintf(name, sizeof name, "%s.%d", down, expert);
        assert_true(plan_row(plan, row_of(result->scan, name)) == trained);
    }
    plan_free(plan);
    scan_result_free(result);
    model_close(model);
}

/* Experts that are modules of their own, as a published scan has them: by their number, or of all
 * numbers together. */
static void numbers_are_put_together(void **state)
{
    (void)state;
    struct buffer text = BUFFER_INIT;
    struct scan *scan = NULL;
    buffer_text(&text, "{");
    for (int layer = 0; layer < 4; layer++)
        for (int expert = 0; expert < 2; expert++)
            buffer_format(&text,
                          "%s\"model.layers.%d.mlp.experts.%d.w1\": {\"snr\": %d, \"type\": "
                          "\"mlp.experts.%d.w1\"}",
                          layer + expert ? ", " : "", layer, expert, 10 * expert + layer, expert);
    buffer_text(&text, "}");
    assert_int_equal(scan_parse(&scan, text.data, text.length, "a scan", NULL), 0);
    buffer_free(&text);
    struct plan *plan = plan_of(scan, NULL, PLAN_BY_TYPE);
    size_t count = 0;
    for (size_t i = 0; i < scan->count; i++) /* the upper half of each number's layers */
        assert_int_equal(plan_row(plan, i), i / 2 >= 2);
    assert_non_null(plan_type_rows(plan, 1, &count));
    assert_int_equal(count, 4);
    assert_int_equal(plan_select(plan, 50, PLAN_TOGETHER, NULL), 0);
    for (size_t i = 0; i < scan->count; i++) /* all of expert 1, which scores higher */
        assert_int_equal(plan_row(plan, i), i % 2 == 1);
    assert_null(plan_type_rows(plan, 1, &count));
    char type[40];
    plan_type_name(plan, 0, type, sizeof type);
    assert_string_equal(type, "mlp.experts.w1");
    plan_free(plan);
    scan_free(scan);
}

/* llama.cpp's stack of experts, whose dimensions stand in the other order: [experts][rows][cols]. */
static void gguf_has_stacks(void **state)
{
    (void)state;
    enum { EXPERTS = 3, ROWS = 4, COLS = 5 };
    static const char name[] = "blk.0.ffn_down_exps.weight";
    static const uint64_t dimensions[] = {COLS, ROWS, EXPERTS};
    struct buffer file = BUFFER_INIT;
    char *folder = data_folder(), *path = path_join(folder, "test.gguf", NULL);
    gguf_begin(&file, 1, 1);
    gguf_key(&file, "general.architecture", GGUF_STRING);
    gguf_string(&file, "qwen3moe", 8);
    gguf_string(&file, name, strlen(name));
    gguf_number(&file, 3, 4);
    for (int i = 0; i < 3; i++)
        gguf_number(&file, dimensions[i], 8);
    gguf_number(&file, 0, 4); /* F32 */
    gguf_number(&file, 0, 8);
    while (file.length % 32 != 0)
        buffer_byte(&file, 0);
    for (int i = 0; i < EXPERTS * ROWS * COLS; i++) { /* expert e: e + 1 on the diagonal */
        int e = i / (ROWS * COLS), row = i / COLS % ROWS, col = i % COLS;
        float value = row == col ? (float)(e + 1) : 0;
        buffer_append(&file, (const char *)&value, sizeof value);
    }
    data_file(folder, "test.gguf", file.data, file.length);
    struct model *model = NULL;
    assert_int_equal(model_open(&model, path, NULL), 0);
    struct scan_result *result = scan_of(model, "reference");
    assert_int_equal(result->scan->count, EXPERTS);
    for (int e = 0; e < EXPERTS; e++) {
        const struct scan_row *row = &result->scan->rows[e];
        assert_int_equal(row->rows, ROWS);
        assert_int_equal(row->cols, COLS);
        assert_int_equal(row->expert, e);
        assert_string_equal(row->expert_type, "ffn_down_exps");
        assert_true(fabs(result->values[e][ROWS - 1] - (e + 1)) < 1e-6);
    }
    scan_result_free(result);
    model_close(model);
    data_folder_remove(folder);
    buffer_free(&file);
    free(path);
}

/* --- files that contradict themselves --- */

static void assert_refused(const char *rows, const char *why)
{
    struct error err = ERROR_INIT;
    struct scan *scan = NULL;
    assert_int_equal(scan_parse(&scan, rows, strlen(rows), "a scan", &err), -1);
    if (!strstr(err.text, why))
        fail_msg("%s", err.text);
}

static void false_parts_are_refused(void **state)
{
    (void)state;
    assert_refused(
        "{\"a.0.b.0\": {\"snr\": 1, \"type\": \"b.0\", \"tensor\": \"a.0.c\", \"expert\": 0}}",
        "tensor_parameters");
    assert_refused(
        "{\"a.0.b\": {\"snr\": 1, \"type\": \"b\"}, \"a.0.b.0\": {\"snr\": 1, \"type\": \"b.0\","
        " \"tensor\": \"a.0.b.weight\", \"tensor_parameters\": 9, \"expert\": 0}}",
        "a part of a module that is there");
    assert_refused("{\"a.0.b.0\": {\"snr\": 1, \"type\": \"b.0\", \"tensor\": \"a.0.b\","
                   " \"tensor_parameters\": 9, \"expert\": -4}}",
                   "\"expert\" is -4");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(experts_are_scored),
        cmocka_unit_test(tensors_are_chosen_whole),
        cmocka_unit_test(plans_name_the_tensor),
        cmocka_unit_test(an_expert_alone_is_refused),
        cmocka_unit_test(numbers_are_put_together),
        cmocka_unit_test(false_parts_are_refused),
        cmocka_unit_test(gguf_has_stacks),
        cmocka_unit_test(projections_are_scored_apart),
        cmocka_unit_test(layouts_are_known_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
