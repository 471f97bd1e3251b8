/* proof.json against what a test counts by itself: letters as tokens, so that supervised ones are
 * counted off the text; parameters from the model; and the tensors that differ between base and
 * export, to the bit, are exactly those that it names, for every kind of method. */
#include "test_folder.h"
#include "train_data.h"

#include "base/file_writer.h"
#include "job/export/export.h"
#include "job/job_create.h"
#include "job/job_dir.h"
#include "job/training/training.h"

/* Its model has norms and biases; 40 tokens. */
static const char base[] = "qwen2";

static const struct state_choice last; /* checkpoint */

/* The last 16 stay. */
static const char *in_folder(const char *name)
{
    static char paths[16][160];
    static int next;
    char *path = paths[next++ % 16];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void save(const char *name, const struct buffer *text)
{
    struct error err = ERROR_INIT;
    if (file_save(in_folder(name), text->data, text->length, &err) != 0)
        fail_msg("%s", err.text);
}

/* a to z are 3 to 28, the end of a text is 2. */
static void save_tokenizer(void)
{
    struct buffer text = BUFFER_INIT;
    buffer_text(&text,
                "{\"added_tokens\": [{\"id\": 2, \"content\": \"<end>\", \"special\": true}], "
                "\"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false}, "
                "\"decoder\": {\"type\": \"ByteLevel\"}, \"model\": {\"type\": \"BPE\", "
                "\"merges\": [], \"vocab\": {\"<end>\": 2");
    for (int i = 0; i < 26; i++)
        buffer_format(&text, ", \"%c\": %d", 'a' + i, 3 + i);
    buffer_text(&text, "}}}");
    save("model/tokenizer.json", &text);
    buffer_clear(&text);
    buffer_text(&text, "{\"eos_token\": \"<end>\"}");
    save("model/tokenizer_config.json", &text);
    buffer_free(&text);
}

static int make_model(void **state)
{
    char command[600];
    if (make_folder(state) != 0)
        return -1;
    char *path = train_data_path(base);
    snprintf(command, sizeof command, "cp -r '%s' '%s'", path, in_folder("model"));
    free(path);
    if (system(command) != 0)
        return -1;
    save_tokenizer();
    return 0;
}

/* --- data, and what is in it --- */

struct counted {
    double tokens, supervised;
};

/* A pair is its letters and an end; the completion and the end are what it learns. */
static struct counted save_pairs(void)
{
    static const char *const pairs[][2] = {{"thequickbrown", "foxjumps"},
                                           {"over", "thelazydogandthecat"},
                                           {"packmyboxwithfivedozen", "jugs"}};
    struct buffer text = BUFFER_INIT;
    struct counted counted = {0};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        buffer_format(&text, "{\"prompt\": \"%s\", \"completion\": \"%s\"}\n", pairs[i][0],
                      pairs[i][1]);
        double learned = (double)strlen(pairs[i][1]) + 1;
        counted.supervised += learned;
        counted.tokens += (double)strlen(pairs[i][0]) + learned;
    }
    save("pairs.jsonl", &text);
    buffer_free(&text);
    return counted;
}

static double proof_number(const cJSON *object, const char *key)
{
    double value = -1;
    if (!json_get_double(object, key, &value))
        fail_msg("proof.json has no \"%s\"", key);
    return value;
}

static void check_counts(const cJSON *proof, struct counted counted)
{
    assert_true(proof_number(proof, "tokens") == counted.tokens);
    assert_true(proof_number(proof, "supervised_tokens") == counted.supervised);
    assert_true(proof_number(proof, "supervised_share") == counted.supervised / counted.tokens);
}

/* --- base and export --- */

static char *read_bytes(const struct model *model, const struct parameter *parameter)
{
    struct error err = ERROR_INIT;
    char *bytes = malloc(parameter->tensor->bytes);
    if (checkpoint_read_raw(model->checkpoint, parameter->tensor, 0, parameter->tensor->bytes,
                            bytes, &err) != 0)
        fail_msg("%s", err.text);
    return bytes;
}

static bool differs(const struct model *before, const struct model *after, const char *name)
{
    const struct parameter *a = model_find(before, name), *b = model_find(after, name);
    assert_true(a && b && a->tensor->bytes == b->tensor->bytes);
    char *from = read_bytes(before, a), *to = read_bytes(after, b);
    bool differ = memcmp(from, to, a->tensor->bytes) != 0;
    free(from);
    free(to);
    return differ;
}

/* What proof.json says of a module: 0: nothing; its parameters, or those of both its adapters. */
static double proved_parameters(const cJSON *proof, const struct parameter *parameter,
                                bool adapters)
{
    const cJSON *trained = json_get(proof, "trained"), *entries[2] = {0};
    char name[256];
    int stem = (int)(strlen(parameter->name) - strlen(".weight"));
    for (int i = 0; i < 2 && adapters; i++) {
        snprintf(name, sizeof name, "base_model.model.%.*s.lora_%c.weight", stem, parameter->name,
                 'A' + i);
        entries[i] = json_get(trained, name);
    }
    if (!adapters)
        entries[0] = json_get(trained, parameter->name);
    double sum = 0;
    for (int i = 0; i < 2 && entries[i]; i++) {
        assert_true(proof_number(entries[i], "gradient_norm") > 0);
        sum += proof_number(entries[i], "parameters");
    }
    return sum;
}

enum { RANK = 2 };

static double own_parameters(const struct parameter *parameter, bool adapters)
{
    return (double)(adapters ? RANK * (parameter->rows + parameter->cols)
                             : parameter->rows * parameter->cols);
}

/* `count` modules have changed, those that are proved; the frozen ones are the others. */
static void check_set(const cJSON *proof, bool adapters, int count)
{
    struct model *before = NULL, *after = NULL;
    struct error err = ERROR_INIT;
    double trained = 0, frozen = 0, kept = 0;
    if (model_open(&before, in_folder("model"), &err) != 0 ||
        model_open(&after, in_folder("out"), &err) != 0)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < before->parameter_count; i++) {
        const struct parameter *parameter = &before->parameters[i];
        double proved = proved_parameters(proof, parameter, adapters);
        if (differs(before, after, parameter->name) != (proved > 0))
            fail_msg("%s %s", parameter->name, proved > 0 ? "has not changed" : "has changed");
        assert_true(proved == 0 || proved == own_parameters(parameter, adapters));
        count -= proved > 0;
        trained += proved;
        bool stays = proved == 0 || adapters;
        frozen += stays ? (double)(parameter->rows * parameter->cols) : 0;
        kept += stays;
    }
    assert_int_equal(count, 0);
    assert_true(proof_number(proof, "trained_parameters") == trained);
    assert_true(proof_number(json_get(proof, "frozen"), "parameters") == frozen);
    assert_true(proof_number(json_get(proof, "frozen"), "tensors") == kept);
    assert_true(proof_number(json_get(proof, "frozen"), "unchanged_at_step") == 4);
    model_close(before);
    model_close(after);
}

static void train_and_export(enum training_method method, const char *plan, int count)
{
    static char *const arguments[] = {(char *)"train"};
    struct counted counted = save_pairs();
    const char *data[] = {in_folder("pairs.jsonl")}, *run = in_folder("run");
    bool adapters = method == METHOD_LORA;
    const struct training_request request = {.model = in_folder("model"),
                                             .run = run,
                                             .method = method,
                                             .plan = plan,
                                             .rank = RANK,
                                             .alpha = 2 * RANK,
                                             .data = {data, 1},
                                             .device = "cpu",
                                             .threads = 2,
                                             .dtype = WEIGHTS_FP32,
                                             .steps = 4,
                                             .epochs = 1,
                                             .seq_len = 64,
                                             .batch = 1,
                                             .accumulate = 1,
                                             .rate = 1e-2,
                                             .keep = 2,
                                             .clip = 1,
                                             .argc = 1,
                                             .argv = arguments};
    const struct training_view silent = {0};
    struct export_summary summary;
    struct error err = ERROR_INIT;
    if (job_dir_create(run, &err) != 0 || training_run(&request, false, &silent, &err) != 0 ||
        export_run(run, &last, in_folder("out"), &(struct export_options){.merge = adapters}, NULL,
                   NULL, &summary, &err) != 0)
        fail_msg("%s", err.text);
    cJSON *proof = job_dir_read(run, "proof.json", &err);
    check_counts(proof, counted);
    check_set(proof, adapters, count);
    cJSON_Delete(proof);
}

static void full_trains_everything(void **state)
{
    (void)state;
    train_and_export(METHOD_FULL, NULL, 2 * 12 + 3);
}

/* A matrix with its bias, a bias alone, norms, the head. */
static void plan_trains_what_it_names(void **state)
{
    (void)state;
    static const char names[] = "unfrozen_parameters:\n"
                                "- ^model.layers.0.self_attn.v_proj$\n"
                                "- ^model.layers.0.self_attn.q_proj.bias$\n"
                                "- ^model.layers.1.post_attention_layernorm.weight$\n"
                                "- ^model.layers.1.mlp.gate_proj.weight$\n"
                                "- ^model.norm.weight$\n"
                                "- ^lm_head.weight$\n";
    struct buffer text = BUFFER_INIT;
    buffer_text(&text, names);
    save("plan.yaml", &text);
    buffer_free(&text);
    train_and_export(METHOD_SPECTRUM, in_folder("plan.yaml"), 7);
}

static void merged_adapters_change_what_they_stand_beside(void **state)
{
    (void)state;
    train_and_export(METHOD_LORA, NULL, 2 * 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(full_trains_everything, make_model, remove_folder),
        cmocka_unit_test_setup_teardown(plan_trains_what_it_names, make_model, remove_folder),
        cmocka_unit_test_setup_teardown(merged_adapters_change_what_they_stand_beside, make_model,
                                        remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
