/* Small training runs of random configurations, by the program itself, against an independent loop
 * of PyTorch: losses, gradient norms, rates and supervised tokens of every step, and evaluations.
 * tests/oracle/make_differential.py made the lines of tests/data/train/differential.jsonl, and says
 * what they hold, and why its bounds are what they are; model, tokenizer and data are made of them
 * here, by the same formulas. */
#include "test_folder.h"

#include "base/file.h"
#include "base/folder.h"
#include "base/json.h"
#include "base/json_writer.h"

#include <fcntl.h>
#include <math.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

extern char **environ;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { EVERY = 5 }; /* a run takes a second and more under a sanitizer */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
enum { EVERY = 5 };
#else
enum { EVERY = 1 };
#endif
#else
enum { EVERY = 1 };
#endif

/* MurmurHash3's last step. */
static uint32_t mix(uint32_t h)
{
    h = (h ^ h >> 16) * 0x85EBCA6Bu;
    h = (h ^ h >> 13) * 0xC2B2AE35u;
    return h ^ h >> 16;
}

static const char *text_of(const cJSON *json, const char *key)
{
    const char *text = NULL;
    if (!json_get_string(json, key, &text))
        fail_msg("a configuration without \"%s\"", key);
    return text;
}

static double number_of(const cJSON *json, const char *key)
{
    double number;
    if (!json_get_double(json, key, &number))
        fail_msg("a configuration without \"%s\"", key);
    return number;
}

/* Under the present folder. Frees the content. */
static void save(const char *path, struct buffer *content)
{
    FILE *file = fopen(path, "wb");
    assert_false(content->failed);
    if (!file || fwrite(content->data, 1, content->length, file) != content->length ||
        fclose(file) != 0)
        fail_msg("%s cannot be written", path);
    buffer_free(content);
}

/* --- what a line is made into --- */

/* "<37>" is 37 letters. */
static void expand(struct buffer *out, const char *text, uint32_t seed)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz      ";
    uint32_t at = 0;
    while (*text) {
        char *end;
        unsigned long count = *text == '<' ? strtoul(text + 1, &end, 10) : 0;
        if (*text != '<' || end == text + 1 || *end != '>') {
            buffer_byte(out, *text++);
            continue;
        }
        for (; count > 0; count--, at++)
            buffer_byte(out, letters[mix(seed + at * 0x9E3779B9u) >> 27]);
        text = end + 1;
    }
}

/* Bytes as GPT-2's vocabulary writes them: those that can be printed as they are, the others as
 * letters from U+0100 on. */
static void put_vocabulary(struct buffer *out)
{
    unsigned next = 0x100;
    for (unsigned byte = 0; byte < 256; byte++) {
        bool plain = (byte >= 33 && byte <= 126) || (byte >= 161 && byte != 173);
        unsigned letter = plain ? byte : next++;
        char utf8[3] = {(char)letter, 0, 0};
        if (letter >= 0x80) {
            utf8[0] = (char)(0xC0 | letter >> 6);
            utf8[1] = (char)(0x80 | (letter & 0x3F));
        }
        buffer_text(out, byte ? ", " : "");
        json_put_string(out, utf8);
        buffer_format(out, ": %u", byte);
    }
}

static void write_tokenizer(bool bos)
{
    static const char *const special[] = {"<s>", "</s>", "<|im_start|>", "<|im_end|>"};
    struct buffer out = BUFFER_INIT;
    buffer_text(&out, "{\"version\": \"1.0\", \"added_tokens\": [");
    for (int i = 0; i < 4; i++)
        buffer_format(&out,
                      "%s{\"id\": %d, \"content\": \"%s\", \"single_word\": false, \"lstrip\": "
                      "false, \"rstrip\": false, \"normalized\": false, \"special\": true}",
                      i ? ", " : "", 256 + i, special[i]);
    buffer_format(&out,
                  "], \"normalizer\": null, \"pre_tokenizer\": {\"type\": \"ByteLevel\", "
                  "\"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": true}, "
                  "\"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": [%s"
                  "{\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}], \"pair\": [], "
                  "\"special_tokens\": {%s}}, \"decoder\": {\"type\": \"ByteLevel\"}, "
                  "\"model\": {\"type\": \"BPE\", \"vocab\": {",
                  bos ? "{\"SpecialToken\": {\"id\": \"<s>\", \"type_id\": 0}}, " : "",
                  bos ? "\"<s>\": {\"id\": \"<s>\", \"ids\": [256], \"tokens\": [\"<s>\"]}" : "");
    put_vocabulary(&out);
    buffer_text(&out, "}, \"merges\": []}}");
    save("model/tokenizer.json", &out);
    buffer_format(&out, "{\"eos_token\": \"</s>\"%s}", bos ? ", \"bos_token\": \"<s>\"" : "");
    save("model/tokenizer_config.json", &out);
}

/* centre + scale x, x of 24 bits in [-1, 1): with a power of two for a scale only the sum is
 * rounded. */
static void put_values(struct buffer *out, uint32_t base, size_t count, double centre, double scale)
{
    for (size_t i = 0; i < count; i++) {
        double x = ((double)(mix(base + (uint32_t)i) >> 8) - 0x1p23) * 0x1p-23;
        float value = (float)(centre + scale * x);
        buffer_append(out, &value, sizeof value);
    }
}

static void write_weights(const cJSON *spec)
{
    struct buffer header = BUFFER_INIT, data = BUFFER_INIT, out = BUFFER_INIT;
    uint32_t seed = (uint32_t)number_of(spec, "seed"), number = 0;
    const cJSON *tensor;
    cJSON_ArrayForEach(tensor, json_get(spec, "tensors"))
    {
        const char *name = tensor->child->valuestring;
        const cJSON *shape = tensor->child->next, *size;
        size_t begin = data.length, count = 1;
        bool norm = strstr(name, "norm") != NULL;
        cJSON_ArrayForEach(size, shape) count *= (size_t)size->valuedouble;
        put_values(&data, mix(seed + number * 0x9E3779B9u), count, norm ? 1 : 0,
                   norm ? 0.25 : number_of(spec, "scale"));
        buffer_format(&header, "%s\"%s\": {\"dtype\": \"F32\", \"shape\": ", number ? ", " : "{",
                      name);
        json_put_tree(&header, shape);
        buffer_format(&header, ", \"data_offsets\": [%zu, %zu]}", begin, data.length);
        number++;
    }
    buffer_text(&header, "}");
    while (header.length % 8 != 0)
        buffer_byte(&header, ' ');
    uint64_t length = header.length;
    buffer_append(&out, &length, sizeof length);
    buffer_append(&out, header.data, header.length);
    buffer_append(&out, data.data, data.length);
    assert_false(header.failed || data.failed);
    buffer_free(&header);
    buffer_free(&data);
    save("model/model.safetensors", &out);
}

static void write_files(const cJSON *spec)
{
    struct buffer out = BUFFER_INIT;
    uint32_t seed = (uint32_t)number_of(spec, "seed");
    const cJSON *file, *plan = json_get(spec, "plan");
    assert_int_equal(mkdir("model", 0700), 0);
    json_put_tree(&out, json_get(spec, "config"));
    save("model/config.json", &out);
    write_tokenizer(cJSON_IsTrue(json_get(spec, "bos")));
    write_weights(spec);
    cJSON_ArrayForEach(file, json_get(spec, "files"))
    {
        expand(&out, file->valuestring, seed++);
        save(file->string, &out);
    }
    if (!plan)
        return;
    buffer_text(&out, "{\"format\": \"spectrum.plan\", \"version\": 1, \"train\": ");
    json_put_tree(&out, plan);
    buffer_text(&out, "}");
    save("plan.json", &out);
}

/* --- the run --- */

/* 0 where it completed; what it says goes to "log". Mostly one thread: two that wait for each other
 * take many times as long on a busy machine. */
static int train(const cJSON *spec, const char *threads)
{
    enum { MOST = 100 };
    const char *const ends[] = {"--run",           "run", "--save-every", "0",
                                "--sample-tokens", "0",   "--threads",    threads};
    char *arguments[MOST] = {(char *)"spectrum", (char *)"train", (char *)"model"};
    size_t count = 3;
    const cJSON *argument;
    cJSON_ArrayForEach(argument, json_get(spec, "arguments"))
    {
        assert_true(count + sizeof ends / sizeof *ends + 1 < MOST);
        arguments[count++] = argument->valuestring;
    }
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        arguments[count++] = (char *)ends[i];
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int status;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "log", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    assert_int_equal(
        posix_spawn(&pid, getenv("SPECTRUM_BINARY"), &actions, NULL, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static bool near(double is, double expected, double within)
{
    return fabs(is - expected) <= within * fabs(expected) + 1e-15;
}

/* Row `index` of "steps" or "evals" into four numbers. */
static const char *row_of(const cJSON *spec, const char *kind, int index, double row[4])
{
    const cJSON *list = cJSON_GetArrayItem(json_get(spec, kind), index), *item;
    int count = 0;
    cJSON_ArrayForEach(item, list) row[count++] = item->valuedouble;
    return list ? NULL : "more than there should be";
}

/* Loss, norm, rate and tokens of step `index`, from 0: what is wrong, or NULL. */
static const char *check_step(const cJSON *spec, const cJSON *line, int index)
{
    const cJSON *within = json_get(spec, "within");
    double row[4], first = index == 0 ? 0.1 : 1;
    const char *wrong = row_of(spec, "steps", index, row);
    if (wrong)
        return wrong;
    if (number_of(line, "supervised_tokens") != row[3])
        return "supervised tokens";
    if (!near(number_of(line, "lr"), row[2], 1e-9))
        return "rate";
    if (!near(number_of(line, "loss"), row[0], first * within->child->valuedouble))
        return "loss";
    return near(number_of(line, "grad_norm"), row[1], first * within->child->next->valuedouble)
               ? NULL
               : "gradient norm";
}

static const char *check_evaluation(const cJSON *spec, const cJSON *line, int index)
{
    double row[4];
    const char *wrong = row_of(spec, "evals", index, row);
    if (wrong)
        return wrong;
    if (number_of(line, "step") != row[0])
        return "step";
    if (number_of(line, "eval_tokens") != row[2])
        return "tokens";
    return near(number_of(line, "eval_loss"), row[1], json_get(spec, "within")->child->valuedouble)
               ? NULL
               : "loss";
}

/* Says what differs; the number of differences. */
static int compare(const cJSON *spec, int number)
{
    struct buffer text = BUFFER_INIT;
    struct error err = ERROR_INIT;
    const char *name = text_of(spec, "name"), *wrong = NULL;
    int steps = 0, evaluations = 0;
    if (train(spec, number % 4 == 0 ? "2" : "1") != 0) {
        file_read_all(&text, "log", 1 << 20, &err);
        printf("%s: it does not train: %s\n", name, buffer_string(&text));
        buffer_free(&text);
        return 1;
    }
    if (file_read_all(&text, "run/metrics.jsonl", 1 << 20, &err) != 0)
        fail_msg("%s", err.text);
    for (char *at = text.data, *next; !wrong && (next = strchr(at, '\n')); at = next + 1) {
        cJSON *line = json_parse(at, (size_t)(next - at), JSON_STRICT, "metrics.jsonl", &err);
        bool is_step = json_get(line, "loss"), is_evaluation = json_get(line, "eval_loss");
        if (is_step)
            wrong = check_step(spec, line, steps++);
        if (is_evaluation)
            wrong = check_evaluation(spec, line, evaluations++);
        if (wrong)
            printf("%s: %s: %.*s\n", name, wrong, (int)(next - at), at);
        cJSON_Delete(line);
    }
    buffer_free(&text);
    if (!wrong && (steps != cJSON_GetArraySize(json_get(spec, "steps")) ||
                   evaluations != cJSON_GetArraySize(json_get(spec, "evals"))))
        printf("%s: %s\n", name, wrong = "fewer steps or evaluations than there should be");
    return wrong != NULL;
}

static void runs_are_the_independent_loops(void **state)
{
    (void)state;
    TEST_FOLDER_OR_SKIP(data, "SPECTRUM_TEST_DATA");
    struct buffer text = BUFFER_INIT;
    struct error err = ERROR_INIT;
    char *path = path_join(data, "train/differential.jsonl", NULL);
    int number = 0, differ = 0, run = 0;
    if (file_read_all(&text, path, 16 << 20, &err) != 0)
        fail_msg("%s", err.text);
    for (char *at = text.data, *next; (next = strchr(at, '\n')); at = next + 1) {
        char own[96];
        if (number++ % EVERY != 0)
            continue;
        cJSON *spec = json_parse(at, (size_t)(next - at), JSON_STRICT, path, &err);
        if (!spec)
            fail_msg("%s", err.text);
        snprintf(own, sizeof own, "%s/%d", folder, number);
        assert_true(mkdir(own, 0700) == 0 && chdir(own) == 0);
        write_files(spec);
        differ += compare(spec, number);
        run++;
        cJSON_Delete(spec);
    }
    buffer_free(&text);
    free(path);
    assert_int_equal(chdir("/"), 0);
    if (differ > 0)
        fail_msg("%d of %d runs differ; make_differential.py --only makes one again", differ, run);
    assert_true(run >= 100 / EVERY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(runs_are_the_independent_loops, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
