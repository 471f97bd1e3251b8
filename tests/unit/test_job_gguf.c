/* Exports as GGUF against llama.cpp's own converter: whole files by SHA-256, of every kind of model
 * and tokenizer (tests/oracle/make_gguf_export.py has the cases); what is exported is read back as
 * the run had it; and what is refused, is by its name. */
#include "test_folder.h"

#include "base/file.h"
#include "base/file_writer.h"
#include "base/folder.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/sys.h"
#include "checkpoint/gguf_write.h"
#include "checkpoint/safetensors.h"
#include "job/export/export.h"
#include "job/export/gguf_name.h"
#include "job/job_create.h"
#include "job/training/training.h"
#include "model/model.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char data[] = "I've been told he's there. I'll make it, you like some tea?\n";
static const char *const types[] = {"auto", "f32", "f16", "bf16", "q8_0"};
static const struct state_choice last; /* checkpoint */
static cJSON *cases;

/* The last 16 stay. */
static const char *in_folder(const char *name)
{
    static char paths[16][256];
    static int next;
    char *path = paths[next++ % 16];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void shell(const char *format, ...)
{
    char command[1024], whole[1200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    snprintf(whole, sizeof whole, "cd '%s' && %s", folder, command);
    if (system(whole) != 0)
        fail_msg("%s", command);
}

static void save(const char *name, const char *text, size_t length)
{
    struct error err = ERROR_INIT;
    if (file_save(in_folder(name), text, length, &err) != 0)
        fail_msg("%s", err.text);
}

static void check(int status, const struct error *err)
{
    if (status != 0)
        fail_msg("%s", err->text);
}

/* --- models --- */

/* Element i of tensor n, as the script makes them. */
static float value_at(uint64_t n, uint64_t i)
{
    uint32_t word = (uint32_t)(i * 2654435761u + (n + 1) * 40503u);
    return (float)((double)((word >> 9) * 2 + 1) / 67108864.0 - 0.125);
}

static enum dtype store_type(const char *name)
{
    return strcmp(name, "BF16") == 0  ? DTYPE_BF16
           : strcmp(name, "F16") == 0 ? DTYPE_F16
                                      : DTYPE_F32;
}

static void put_values(struct safetensors_writer *writer, enum dtype store, uint64_t tensor,
                       int64_t count)
{
    struct error err = ERROR_INIT;
    unsigned char *bytes = malloc((size_t)count * 4);
    size_t size = store == DTYPE_F32 ? 4 : 2;
    for (int64_t i = 0; i < count; i++) {
        float value = value_at(tensor, (uint64_t)i);
        uint16_t narrow = store == DTYPE_F16 ? f16_from_float(value) : bf16_from_float(value);
        memcpy(bytes + (size_t)i * size, size == 4 ? (void *)&value : (void *)&narrow, size);
    }
    check(safetensors_writer_put(writer, bytes, (size_t)count * size, &err), &err);
    free(bytes);
}

static void save_weights(const cJSON *one)
{
    struct error err = ERROR_INIT;
    const cJSON *tensors = json_get(one, "tensors"), *shape;
    const char *store = "";
    struct safetensors_entry entries[64];
    struct safetensors_writer writer;
    size_t count = 0;
    json_get_string(one, "store", &store);
    cJSON_ArrayForEach(shape, tensors)
    {
        struct safetensors_entry *entry = &entries[count++];
        *entry = (struct safetensors_entry){
            shape->string, store_type(store), cJSON_GetArraySize(shape), {0, 0}};
        for (int side = 0; side < entry->rank; side++)
            entry->shape[side] = (int64_t)cJSON_GetArrayItem(shape, side)->valuedouble;
    }
    check(safetensors_writer_open(&writer, in_folder("base/model.safetensors"), entries, count,
                                  NULL, &err),
          &err);
    for (size_t i = 0; i < count; i++)
        put_values(&writer, entries[i].dtype, i,
                   entries[i].shape[0] * (entries[i].rank == 2 ? entries[i].shape[1] : 1));
    check(safetensors_writer_commit(&writer, &err), &err);
}

static void make_base(const cJSON *one)
{
    const char *tokenizer = "";
    const cJSON *item;
    char *config = cJSON_Print(json_get(one, "config"));
    json_get_string(one, "tokenizer", &tokenizer);
    shell("rm -rf base && mkdir -p base/additional_chat_templates && "
          "cp '%s/job/gguf/%s'/* base",
          getenv("SPECTRUM_TEST_DATA"), tokenizer);
    cJSON_ArrayForEach(item, json_get(one, "without"))
    {
        shell("rm -f base/%s", item->valuestring);
    }
    cJSON_ArrayForEach(item, json_get(one, "files"))
    {
        char path[128];
        snprintf(path, sizeof path, "base/%s", item->string);
        save(path, item->valuestring, strlen(item->valuestring));
    }
    save("base/config.json", config, strlen(config));
    free(config);
    save_weights(one);
}

/* --- a run, in which no weight changes --- */

static const char *text_of(const cJSON *one, const char *key)
{
    const char *text = "";
    json_get_string(one, key, &text);
    return text;
}

static void train(const cJSON *one, const char *model)
{
    static char *const arguments[] = {(char *)"train"};
    static const struct training_view silent;
    const char *files[] = {in_folder("data.txt")}, *run = in_folder("run");
    bool lora = strcmp(text_of(one, "method"), "lora") == 0;
    bool narrow = strcmp(text_of(one, "dtype"), "bf16") == 0;
    const struct training_request request = {.model = in_folder(model),
                                             .run = run,
                                             .method = lora ? METHOD_LORA : METHOD_FULL,
                                             .rank = lora ? 2 : 0,
                                             .alpha = 4,
                                             .data = {files, 1},
                                             .device = "cpu",
                                             .threads = 2,
                                             .dtype = narrow ? WEIGHTS_BF16 : WEIGHTS_FP32,
                                             .steps = 1,
                                             .epochs = 1,
                                             .seq_len = 32,
                                             .batch = 1,
                                             .accumulate = 1,
                                             .rate = 1e-30,
                                             .keep = 1,
                                             .clip = 1,
                                             .argc = 1,
                                             .argv = arguments};
    struct error err = ERROR_INIT;
    shell("rm -rf run");
    check(job_dir_create(run, &err), &err);
    check(training_run(&request, false, &silent, &err), &err);
}

static void begin(const char *name)
{
    const cJSON *one;
    cJSON_ArrayForEach(one, cases)
    {
        if (strcmp(text_of(one, "name"), name) == 0) {
            make_base(one);
            train(one, "base");
            return;
        }
    }
    fail_msg("there is no case %s", name);
}

/* A case's model with other files of its tokenizer, "NAME" to text, an empty text for none. */
static void begin_with(const char *name, const char *const files[][2], size_t count)
{
    cJSON *changed = NULL, *own;
    const cJSON *one;
    cJSON_ArrayForEach(one, cases)
    {
        if (strcmp(text_of(one, "name"), name) == 0)
            changed = cJSON_Duplicate(one, true);
    }
    own = cJSON_GetObjectItemCaseSensitive(changed, "files");
    for (size_t i = 0; i < count; i++) {
        cJSON_DeleteItemFromObjectCaseSensitive(own, files[i][0]);
        assert_non_null(cJSON_AddStringToObject(own, files[i][0], files[i][1]));
    }
    make_base(changed);
    train(changed, "base");
    cJSON_Delete(changed);
}

/* A file of the tokenizers' in which `from` stands once, with `to` in its place. */
static char *changed_file(const char *name, const char *from, const char *to)
{
    struct error err = ERROR_INIT;
    struct buffer text = BUFFER_INIT, out = BUFFER_INIT;
    char path[512];
    snprintf(path, sizeof path, "%s/job/gguf/%s", getenv("SPECTRUM_TEST_DATA"), name);
    check(file_read_all(&text, path, 1 << 20, &err), &err);
    const char *at = strstr(buffer_string(&text), from);
    if (!at || strstr(at + 1, from))
        fail_msg("%s has not one \"%s\"", name, from);
    buffer_append(&out, text.data, (size_t)(at - text.data));
    buffer_text(&out, to);
    buffer_text(&out, at + strlen(from));
    buffer_free(&text);
    return out.data;
}

static int export_as(const char *out, enum export_gguf_type type, uint64_t shard,
                     struct export_summary *summary, struct error *err)
{
    const struct export_options options = {.form = EXPORT_GGUF, .type = type, .shard_size = shard};
    return export_run(in_folder("run"), &last, out, &options, NULL, NULL, summary, err);
}

static void refuse(const char *out, const char *says)
{
    struct error err = ERROR_INIT;
    struct export_summary summary;
    assert_int_equal(export_as(in_folder(out), EXPORT_GGUF_F32, 0, &summary, &err), -1);
    if (!strstr(err.text, says))
        fail_msg("\"%s\" does not say \"%s\"", err.text, says);
}

/* --- the tests --- */

static void files_are_the_converters(void **state)
{
    const cJSON *one = *state, *digests = json_get(one, "sha256");
    double shard = 0;
    char path[160];
    struct export_summary summary;
    struct error err = ERROR_INIT;
    json_get_double(one, "shard", &shard);
    make_base(one);
    train(one, "base");
    snprintf(path, sizeof path, "%s.gguf", text_of(one, "name"));
    for (int type = EXPORT_GGUF_F32; type <= EXPORT_GGUF_Q8_0; type++) {
        char digest[DIGEST_TEXT_SIZE];
        const char *expected = NULL;
        if (!json_get_string(digests, types[type], &expected))
            continue;
        check(export_as(in_folder(path), (enum export_gguf_type)type, (uint64_t)shard, &summary,
                        &err),
              &err);
        check(digest_of_file(in_folder(path), digest, &err), &err);
        assert_string_equal(digest, expected);
        shell("rm '%s'", path);
    }
    shell("test -z \"$(ls -A | grep tmp)\"");
}

/* All tensors of the file against those of the folder; the largest difference. */
static double compare(const char *file, const char *out)
{
    struct error err = ERROR_INIT;
    struct model *one = NULL, *other = NULL;
    double most = 0;
    check(model_open(&one, in_folder(file), &err), &err);
    check(model_open(&other, in_folder(out), &err), &err);
    for (size_t i = 0; i < other->parameter_count; i++) {
        const struct parameter *b = &other->parameters[i], *a = model_find(one, b->name);
        if (!a)
            fail_msg("%s is not there", b->name);
        assert_int_equal(a->numel, b->numel);
        float *x = malloc((size_t)a->numel * 4), *y = malloc((size_t)a->numel * 4);
        check(model_read_f32(one, a, x, &err), &err);
        check(model_read_f32(other, b, y, &err), &err);
        for (int64_t k = 0; k < a->numel; k++)
            most = fmax(most, fabs((double)x[k] - (double)y[k]));
        free(x);
        free(y);
    }
    model_close(one);
    model_close(other);
    return most;
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    static const char *const names[] = {"llama3-rope", "mistral", "qwen3", "linear"};
    struct export_summary summary;
    struct error err = ERROR_INIT;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct export_options whole = {.merge = i >= 2};
        begin(names[i]);
        shell("rm -rf out *.gguf");
        check(export_run(in_folder("run"), &last, in_folder("out"), &whole, NULL, NULL, &summary,
                         &err),
              &err);
        check(export_as(in_folder("a.gguf"), EXPORT_GGUF_F32, 0, &summary, &err), &err);
        assert_false(summary.adapters);
        assert_true(compare("a.gguf", "out") == 0);
        check(export_as(in_folder("b.gguf"), EXPORT_GGUF_AUTO, 0, &summary, &err), &err);
        /* what a run with adapters does not train is the base's in the folder, here the run's */
        assert_true(compare("b.gguf", "out") <= (whole.merge ? .125 / 256 : 0));
        check(export_as(in_folder("c.gguf"), EXPORT_GGUF_Q8_0, 0, &summary, &err), &err);
        /* values are below .125, of which a code is half a step off, and the scale half a bit */
        double most = compare("c.gguf", "out");
        assert_true(most > 0 && most <= .125 / 127 / 2 + .125 / 2048);
    }
    assert_true(summary.gguf.windowed == false);
}

/* What the converter has no words for is said. */
static void what_the_file_lacks_is_known(void **state)
{
    (void)state;
    struct export_summary summary;
    struct error err = ERROR_INIT;
    begin("scoreless");
    check(export_as(in_folder("s.gguf"), EXPORT_GGUF_F16, 0, &summary, &err), &err);
    assert_true(summary.gguf.scoreless && !summary.gguf.windowed);
    begin("mistral");
    check(export_as(in_folder("m.gguf"), EXPORT_GGUF_F16, 0, &summary, &err), &err);
    assert_true(!summary.gguf.scoreless && summary.gguf.windowed);
}

static void what_no_file_can_be_is_refused(void **state)
{
    (void)state;
    begin("pieces-added");
    shell("rm -f *.gguf && mkdir -p there && echo old >old.gguf");
    refuse("out", "ends in .gguf");
    refuse(".gguf", "ends in .gguf");
    refuse("old.gguf", "is there");
    refuse("run/x.gguf", "in the folder of a job");
    refuse("base/tokenizer.model", "ends in .gguf");
    refuse("nowhere/x.gguf", "nowhere");
    shell("echo old | cmp - old.gguf && rm old.gguf && echo no >base/tokenizer.model");
    refuse("x.gguf", "is not a SentencePiece model");
    shell("! test -e x.gguf");
}

/* All keys of a file, which are the caller's. */
static cJSON *keys_of(const char *file)
{
    struct error err = ERROR_INIT;
    struct checkpoint *checkpoint = NULL;
    check(checkpoint_open(&checkpoint, in_folder(file), &err), &err);
    cJSON *keys = cJSON_Duplicate(checkpoint_metadata(checkpoint), true);
    checkpoint_close(checkpoint);
    return keys;
}

static void has_token(const cJSON *keys, int id, const char *text, int kind)
{
    const cJSON *tokens = json_get(keys, "tokenizer.ggml.tokens");
    const cJSON *kinds = json_get(keys, "tokenizer.ggml.token_type");
    assert_string_equal(cJSON_GetArrayItem(tokens, id)->valuestring, text);
    assert_int_equal(cJSON_GetArrayItem(kinds, id)->valueint, kind);
}

/* Texts are cut by tokenizer.json here and by tokenizer.model in a GGUF file. */
static void two_tokenizers_that_differ_are_refused(void **state)
{
    (void)state;
    begin("linear");
    shell("rm -f *.gguf && cp base/tokenizer.model whole.model");
    shell("LC_ALL=C sed 's/<turn>/<burn>/' whole.model >base/tokenizer.model");
    refuse("x.gguf",
           "token 3 was \"<turn>\" in the run, by tokenizer.json, and would be \"<burn>\"");
    shell("{ cat whole.model && printf '\\012\\007\\012\\005extra'; } >base/tokenizer.model");
    refuse("x.gguf", "token 380 was nothing in the run, by tokenizer.json, and would be \"extra\"");
    refuse("x.gguf", "take it away (the file's tokens then have no scores)");
    shell("! test -e x.gguf && rm base/tokenizer.model");
    struct export_summary summary;
    struct error err = ERROR_INIT;
    check(export_as(in_folder("x.gguf"), EXPORT_GGUF_F32, 0, &summary, &err), &err);

    char *more =
        changed_file("pieces/tokenizer.json", "\"<tool>\": 4,", "\"<tool>\": 4, \"more\": 380,");
    const char *const longer[][2] = {{"tokenizer.json", more}};
    begin_with("linear", longer, 1);
    refuse("y.gguf", "token 380 was \"more\" in the run, by tokenizer.json, and would be nothing");
    free(more);
    char *bytes = changed_file("pieces/tokenizer.json", "\"byte_fallback\": true",
                               "\"byte_fallback\": false");
    const char *const fallback[][2] = {{"tokenizer.json", bytes}};
    begin_with("linear", fallback, 1);
    refuse("y.gguf", "spells a character that has no token by its bytes");
    free(bytes);
}

/* The same tokens under the same ids, joined otherwise: a GGUF file has scores for merges, and of
 * what becomes of spaces one flag. */
static void texts_that_a_file_would_cut_otherwise_are_refused(void **state)
{
    (void)state;
    static const char prepend[] = "{\"type\": \"Prepend\", \"prepend\": \"\xE2\x96\x81\"}, ";
    static const char spaces[] = "\"pre_tokenizer\": null";
    static const char both[] =
        "\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"Prepend\", "
        "\"prepend\": \"\xE2\x96\x81\"}, {\"type\": \"Replace\", \"pattern\": {\"String\": \" \"}, "
        "\"content\": \"\xE2\x96\x81\"}]}, \"pre_tokenizer\": null";
    static const char once[] = "\"pre_tokenizer\": {\"type\": \"Metaspace\", \"prepend_scheme\": "
                               "\"first\", \"split\": false}";
    static const char more[] =
        "{\"type\": \"Replace\", \"pattern\": {\"String\": \"y\"}, \"content\": \"i\"}, ";
    static const struct {
        const char *from, *to, *says;
    } rows[] = {
        {"\"3 3\", \"33 33\"", "\"33 33\", \"3 3\"",
         "joins \"3\" and \"3\", and a GGUF file, by the "
         "scores of tokenizer.model, would join them in another order"},
        {"\"3 3\", \"33 33\"", "\"3 3\"", "does not join \"33\" and \"33\", and a GGUF file"},
        {"\"3 3\", \"33 33\"", "\"3 3\", \"3 3\", \"33 33\"", NULL}, /* it is there all the same */
        {"\"333 3\", \"3 333\"", "\"3 333\", \"333 3\"", NULL},      /* ways to one token */
        {prepend, "", "puts no space in front of a text, and a GGUF file would have one"},
        {prepend, more, "changes the letters of a text otherwise"},
        {both, once, NULL}, /* it differs after special tokens, and is said */
        {spaces, "\"pre_tokenizer\": {\"type\": \"Digits\"}", "cuts texts into words first"},
        {"\"ignore_merges\": false", "\"ignore_merges\": true", "has \"ignore_merges\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text = changed_file("pieces/tokenizer.json", rows[i].from, rows[i].to);
        const char *const files[][2] = {{"tokenizer.json", text}};
        struct export_summary summary;
        struct error err = ERROR_INIT;
        begin_with("linear", files, 1);
        shell("rm -f *.gguf");
        if (rows[i].says)
            refuse("x.gguf", rows[i].says);
        else
            check(export_as(in_folder("x.gguf"), EXPORT_GGUF_F32, 0, &summary, &err), &err);
        if (rows[i].to == once)
            assert_true(summary.gguf.spaced);
        free(text);
    }
}

/* The converter's text, by whose ids a way to cut is known, has no letter that these change. */
static void a_normalizer_that_the_hash_does_not_see_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *to, *says;
    } rows[] = {
        {"\"normalizer\": {\"type\": \"NFD\"}", "has the normalizer \"NFD\""},
        {"\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"NFC\"}, "
         "{\"type\": "
         "\"Replace\", \"pattern\": {\"String\": \"boat\"}, \"content\": \"ship\"}]}",
         "has the normalizer \"Replace\""},
        {"\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": []}", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text = changed_file("gpt2/tokenizer.json", "\"normalizer\": null", rows[i].to);
        const char *const files[][2] = {{"tokenizer.json", text}};
        struct export_summary summary;
        struct error err = ERROR_INIT;
        begin_with("gpt2", files, 1);
        shell("rm -f *.gguf");
        if (rows[i].says)
            refuse("x.gguf", rows[i].says);
        else
            check(export_as(in_folder("x.gguf"), EXPORT_GGUF_F32, 0, &summary, &err), &err);
        free(text);
    }
}

/* What tokenizer.json alone says was added is what it is there. */
static void added_tokens_have_their_places(void **state)
{
    (void)state;
    struct export_summary summary;
    struct error err = ERROR_INIT;
    char *added = changed_file("pieces/tokenizer.json", "\"added_tokens\": [",
                               "\"added_tokens\": [{\"id\": 380, \"content\": \"<end>\", "
                               "\"special\": true, \"normalized\": false}, {\"id\": 381, "
                               "\"content\": \"two words\", \"special\": false, \"normalized\": "
                               "false}, {\"id\": 4, \"content\": \"<tool>\", \"special\": false, "
                               "\"normalized\": false}, ");
    const char *const files[][2] = {{"tokenizer.json", added}};
    begin_with("linear", files, 1);
    free(added);
    shell("rm -f *.gguf");
    check(export_as(in_folder("x.gguf"), EXPORT_GGUF_F32, 0, &summary, &err), &err);
    cJSON *keys = keys_of("x.gguf");
    has_token(keys, 3, "<turn>", 3); /* a control token */
    has_token(keys, 4, "<tool>", 4); /* a user's */
    has_token(keys, 380, "<end>", 3);
    has_token(keys, 381, "two words", 4);
    has_token(keys, 382, "[PAD382]", 5);
    cJSON_Delete(keys);
}

/* Whatever the base says of its tokenizer, and the weights that it has. */
static void a_base_in_gguf_stays_what_it_is(void **state)
{
    (void)state;
    static const char *const names[] = {"mistral", "qwen3", "SmolLM2-135M-Instruct-v0.2"};
    struct export_summary summary;
    struct error err = ERROR_INIT;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const cJSON *item;
        begin(names[i]);
        shell("rm -f *.gguf");
        check(export_as(in_folder("a.gguf"), EXPORT_GGUF_F32, 0, &summary, &err), &err);
        train(cases, "a.gguf"); /* any settings: nothing changes */
        check(export_as(in_folder("b.gguf"), EXPORT_GGUF_F32, 0, &summary, &err), &err);
        assert_false(summary.gguf.scoreless);
        cJSON *both[] = {keys_of("a.gguf"), keys_of("b.gguf")};
        for (int side = 0; side < 2; side++)
            cJSON_ArrayForEach(item, both[side])
            {
                if (strncmp(item->string, "tokenizer.", 10) == 0 &&
                    !cJSON_Compare(item, json_get(both[!side], item->string), true))
                    fail_msg("%s: %s is another", names[i], item->string);
            }
        cJSON_Delete(both[0]);
        cJSON_Delete(both[1]);
        assert_true(compare("b.gguf", "a.gguf") == 0);
    }
}

/* Those that the run's texts were written with, by names that a file can have. */
static void templates_are_the_runs(void **state)
{
    (void)state;
    static const char both[] = "{\"tokenizer_class\": \"LlamaTokenizer\", \"chat_template\": "
                               "\"the configuration's\"}";
    static const char *const files[][2] = {{"chat_template.jinja", "the file's"},
                                           {"tokenizer_config.json", both}};
    static const char *const lists[][2] = {
        {"[{\"name\": \"a-1\", \"template\": \"old\"}, {\"name\": \"default\", \"template\": "
         "\"d\"}, {\"name\": \"a-1\", \"template\": \"new\"}]",
         NULL},
        {"[{\"name\": \"a-1\", \"template\": \"x\"}, {\"name\": \"a_1\", \"template\": \"y\"}]",
         "the chat templates \"a-1\" and \"a_1\" would both be \"a_1\""},
        {"[{\"name\": \"\", \"template\": \"x\"}]", "a chat template of the model has no name"},
    };
    struct export_summary summary;
    struct error err = ERROR_INIT;
    const char *text = "";
    begin_with("linear", files, 2);
    shell("rm -f *.gguf");
    check(export_as(in_folder("x.gguf"), EXPORT_GGUF_F32, 0, &summary, &err), &err);
    cJSON *keys = keys_of("x.gguf");
    assert_true(json_get_string(keys, "tokenizer.chat_template", &text));
    assert_string_equal(text, "the file's");
    cJSON_Delete(keys);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        char config[512];
        snprintf(config, sizeof config,
                 "{\"tokenizer_class\": \"LlamaTokenizer\", \"chat_template\": %s}", lists[i][0]);
        const char *const listed[][2] = {{"tokenizer_config.json", config}};
        begin_with("linear", listed, 1);
        shell("rm -f *.gguf");
        if (lists[i][1]) {
            refuse("y.gguf", lists[i][1]);
            continue;
        }
        check(export_as(in_folder("y.gguf"), EXPORT_GGUF_F32, 0, &summary, &err), &err);
        keys = keys_of("y.gguf");
        assert_true(json_get_string(keys, "tokenizer.chat_template.a_1", &text));
        assert_string_equal(text, "new"); /* the later of two, as in transformers */
        assert_true(json_get_string(keys, "tokenizer.chat_template", &text));
        assert_string_equal(text, "d");
        assert_int_equal(cJSON_GetArraySize(json_get(keys, "tokenizer.chat_templates")), 1);
        cJSON_Delete(keys);
    }
}

static void names_are_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *id;
        uint64_t elements;
        const char *name, *organization, *basename, *size, *finetune, *version;
    } rows[] = {
        {"HuggingFaceTB/SmolLM2-135M-Instruct", 134515008, "SmolLM2 135M Instruct", "HuggingFaceTB",
         "SmolLM2", "135M", "Instruct", NULL},
        {"Mixtral-8x7B-Instruct-v0.1", 46702792704, "Mixtral 8x7B Instruct v0.1", NULL, "Mixtral",
         "8x7B", "Instruct", "v0.1"},
        {"llama-3-8b-128k-mine", 8030261248, "Llama 3 8b 128k Mine", NULL, "llama-3", "8B",
         "128k-mine", NULL},
        {"bloom-7b1", 7069016064, "Bloom 7b1", NULL, "bloom", "7.1B", NULL, NULL},
        {"my model, once more", 1000, "My Model, Once More", NULL, NULL, NULL, NULL, NULL},
        {"plain", 1000, "Plain", NULL, NULL, NULL, NULL, NULL},
        {"phi-2-q4_k_m", 2779683840, "Phi 2 Q4_K_M", NULL, NULL, NULL, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct gguf_name name = {0};
        struct error err = ERROR_INIT;
        check(gguf_name_read(&name, rows[i].id, rows[i].elements, &err), &err);
        const char *found[] = {name.name,       name.organization, name.basename,
                               name.size_label, name.finetune,     name.version};
        const char *expected[] = {rows[i].name, rows[i].organization, rows[i].basename,
                                  rows[i].size, rows[i].finetune,     rows[i].version};
        for (int k = 0; k < 6; k++)
            if ((found[k] == NULL) != (expected[k] == NULL) ||
                (found[k] && strcmp(found[k], expected[k]) != 0))
                fail_msg("%s: part %d is %s", rows[i].id, k, found[k] ? found[k] : "NULL");
        gguf_name_free(&name);
    }
}

/* Some forty models are written, which nobody wants to find again. */
static int sync_nothing(int fd)
{
    (void)fd;
    return 0;
}

static int make_cases(void **state)
{
    struct error err = ERROR_INIT;
    sys.fsync = sync_nothing;
    char *path = path_join(getenv("SPECTRUM_TEST_DATA"), "job/gguf/cases.json", NULL);
    cases = json_read_file(path, 4 << 20, JSON_STRICT, &err);
    free(path);
    if (!cases || make_folder(state) != 0)
        return -1;
    struct buffer text = BUFFER_INIT;
    for (int i = 0; i < 8; i++)
        buffer_text(&text, data);
    save("data.txt", text.data, text.length);
    buffer_free(&text);
    return 0;
}

static int remove_cases(void **state)
{
    cJSON_Delete(cases);
    return remove_folder(state);
}

/* The largest numbers that a type has, and the first that it would make an infinity of. */
static void what_a_type_cannot_hold_is_refused(void **state)
{
    (void)state;
    static const struct {
        enum dtype dtype;
        float value;
        bool held;
    } rows[] = {
        {DTYPE_F16, 65519, true},          {DTYPE_F16, -65520, false},
        {DTYPE_BF16, 3.3961e38f, true},    {DTYPE_BF16, -3.3962e38f, false},
        {DTYPE_Q8_0, 127 * 65519.f, true}, {DTYPE_Q8_0, -127 * 65520.f, false},
        {DTYPE_F32, 3.4e38f, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct gguf_entry entry = {
            .name = "huge", .dtype = rows[i].dtype, .rank = 1, .shape = {32}};
        const struct gguf_keys none = {0};
        struct gguf_writer writer;
        struct error err = ERROR_INIT;
        float values[32] = {[7] = rows[i].value};
        check(gguf_writer_open(&writer, in_folder("huge.gguf"), &none, &entry, 1, &err), &err);
        assert_int_equal(gguf_writer_put(&writer, values, 32, &err), rows[i].held ? 0 : -1);
        assert_int_equal(strstr(err.text, "tensor huge has the value") != NULL, !rows[i].held);
        gguf_writer_abort(&writer);
    }
}

int main(void)
{
    struct CMUnitTest tests[64] = {
        cmocka_unit_test(what_a_type_cannot_hold_is_refused),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(what_the_file_lacks_is_known),
        cmocka_unit_test(what_no_file_can_be_is_refused),
        cmocka_unit_test(two_tokenizers_that_differ_are_refused),
        cmocka_unit_test(texts_that_a_file_would_cut_otherwise_are_refused),
        cmocka_unit_test(a_normalizer_that_the_hash_does_not_see_is_refused),
        cmocka_unit_test(added_tokens_have_their_places),
        cmocka_unit_test(a_base_in_gguf_stays_what_it_is),
        cmocka_unit_test(templates_are_the_runs),
        cmocka_unit_test(names_are_taken_apart),
    };
    size_t count = 9;
    void *state = NULL;
    if (make_cases(&state) != 0)
        return 1;
    cJSON *one;
    cJSON_ArrayForEach(one, cases)
    {
        tests[count++] = (struct CMUnitTest){.name = text_of(one, "name"),
                                             .test_func = files_are_the_converters,
                                             .initial_state = one};
    }
    int failed = _cmocka_run_group_tests("gguf", tests, count, NULL, NULL);
    remove_cases(&state);
    return failed;
}
