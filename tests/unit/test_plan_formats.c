/* Plans in every format against what the tools that read them match, from a model and from its scan
 * file; names, embeddings, quantisers' tensors. */
#include "gguf_data.h"
#include "tool_match.h"

#include "base/text.h"
#include "model/score_read.h"
#include "model/score_rows.h"
#include "model/score_table.h"
#include "plan/plan_read.h"
#include "plan/plan_write.h"

#include <math.h>

enum { TENSORS_MAX = 32 };

/* A tensor as "name TYPE d0,d1,...". */
struct fixture {
    const char *config;
    const char *tensors[TENSORS_MAX];
};

static const struct fixture qwen2 = {
    "{\"model_type\": \"qwen2\", \"hidden_size\": 8, \"intermediate_size\": 16,"
    " \"num_hidden_layers\": 2, \"num_attention_heads\": 2, \"num_key_value_heads\": 2, "
    "\"tie_word_embeddings\": false}",
    {"model.embed_tokens.weight F32 32,8", "model.norm.weight F32 8", "lm_head.weight F32 32,8",
     "model.layers.0.self_attn.q_proj.weight F32 8,8", "model.layers.0.self_attn.q_proj.bias F32 8",
     "model.layers.1.self_attn.q_proj.weight F32 8,8", "model.layers.1.self_attn.q_proj.bias F32 8",
     "model.layers.0.mlp.up_proj.weight F32 16,8", "model.layers.1.mlp.up_proj.weight F32 16,8"}};

/* Tied by having no head; Conv1D's biases; a position embedding, which is none that trains. */
static const struct fixture gpt2 = {
    "{\"model_type\": \"gpt2\"}",
    {"transformer.wte.weight F32 32,8", "transformer.wpe.weight F32 16,8",
     "transformer.h.0.attn.c_attn.weight F32 8,24", "transformer.h.0.attn.c_attn.bias F32 24",
     "transformer.h.1.attn.c_attn.weight F32 8,24", "transformer.h.1.attn.c_attn.bias F32 24",
     "transformer.ln_f.weight F32 8"}};

/* A name that begins another ("mlp.gate", "mlp.gate_proj"), a matrix called just as its module. */
static const struct fixture odd = {
    "{\"model_type\": \"unheard_of\"}",
    {"model.embed_in.weight F32 32,8", "embed_out.weight F32 32,8",
     "model.layers.0.mlp.gate.weight F32 4,8", "model.layers.0.mlp.gate.bias F32 4",
     "model.layers.0.mlp.gate_proj.weight F32 16,8", "model.layers.0.mixer.A F32 16,8",
     "model.layers.1.mlp.gate.weight F32 4,8", "model.layers.1.mlp.gate.bias F32 4",
     "model.layers.1.mlp.gate_proj.weight F32 16,8", "model.layers.1.mixer.A F32 16,8"}};

static const struct fixture tied = {
    "{\"model_type\": \"llama\", \"hidden_size\": 8, \"intermediate_size\": 16,"
    " \"num_hidden_layers\": 1, \"num_attention_heads\": 2, \"tie_word_embeddings\": true}",
    {"model.embed_tokens.weight F32 32,8", "lm_head.weight F32 32,8",
     "model.layers.0.mlp.up_proj.weight F32 16,8"}};

static size_t put_header(struct buffer *header, const struct fixture *fixture)
{
    size_t at = 0;
    buffer_byte(header, '{');
    for (int i = 0; i < TENSORS_MAX && fixture->tensors[i]; i++) {
        char name[200], type[16], shape[80];
        assert_int_equal(sscanf(fixture->tensors[i], "%199s %15s %79s", name, type, shape), 3);
        bool byte = strcmp(type, "U8") == 0 || strncmp(type, "F8", 2) == 0;
        size_t bytes = byte ? 1 : 4;
        for (char *rest = shape, *one; (one = strtok_r(rest, ",", &rest));)
            bytes *= (size_t)atoi(one);
        sscanf(fixture->tensors[i], "%*s %*s %79s", shape);
        buffer_format(header, "%s\"%s\": {\"dtype\": \"%s\", \"shape\": [%s], \"data_offsets\": ",
                      i ? ", " : "", name, type, shape);
        buffer_format(header, "[%zu, %zu]}", at, at + bytes);
        at += bytes;
    }
    buffer_byte(header, '}');
    return at;
}

static struct model *open_fixture(const struct fixture *fixture)
{
    struct buffer header = BUFFER_INIT, file = BUFFER_INIT;
    struct model *model = NULL;
    struct error err = ERROR_INIT;
    char *folder = data_folder();
    size_t data = put_header(&header, fixture);
    for (int i = 0; i < 8; i++)
        buffer_byte(&file, (char)(header.length >> 8 * i & 0xFF));
    buffer_append(&file, header.data, header.length);
    for (size_t i = 0; i < data; i++)
        buffer_byte(&file, 0);
    data_text(folder, "config.json", fixture->config);
    data_file(folder, "model.safetensors", file.data, file.length);
    if (model_open(&model, folder, &err) != 0)
        fail_msg("%s", err.text);
    data_folder_remove(folder); /* nothing is read of it any more */
    buffer_free(&header);
    buffer_free(&file);
    return model;
}

/* With scores, so that a file has its rows: by rising number, the last of a type first. */
static struct scan *scored(const struct model *model)
{
    struct scan *scan = NULL;
    assert_int_equal(scan_for_model(&scan, NULL, model, NULL, NULL), 0);
    for (size_t i = 0; i < scan->count; i++) {
        scan->rows[i].known = true;
        scan->rows[i].snr = 1 + (double)i;
    }
    return scan;
}

static struct plan *plan_of(const struct scan *scan, const struct model *model, double percent)
{
    struct plan *plan = NULL;
    assert_int_equal(plan_new(&plan, scan, model, NULL), 0);
    assert_int_equal(plan_select(plan, percent, PLAN_BY_TYPE, NULL), 0);
    return plan;
}

static struct scan *read_back(const struct scan *scan, bool strict)
{
    struct buffer text = BUFFER_INIT;
    struct scan *back = NULL;
    struct error err = ERROR_INIT;
    (strict ? scan_put_json : scan_put_file)(&text, scan);
    if (scan_parse(&back, buffer_string(&text), text.length, "test", &err) != 0)
        fail_msg("%s", err.text);
    buffer_free(&text);
    return back;
}

/* A file says of the model what the model does: the same text in every format. */
static void a_scan_file_plans_as_its_model(void **state)
{
    (void)state;
    static const struct fixture *const all[] = {&qwen2, &gpt2, &odd, &tied};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct model *model = open_fixture(all[i]);
        struct scan *scan = scored(model);
        for (int strict = 0; strict < 2; strict++) {
            struct scan *file = read_back(scan, strict);
            for (int percent = 0; percent <= 100; percent += 50)
                for (enum plan_format format = PLAN_YAML; format <= PLAN_MS_SWIFT; format++) {
                    struct plan *a = plan_of(scan, model, percent);
                    struct plan *b = plan_of(file, NULL, percent);
                    struct buffer x = BUFFER_INIT, y = BUFFER_INIT;
                    plan_put(&x, a, format, "s");
                    plan_put(&y, b, format, "s");
                    assert_string_equal(buffer_string(&x), buffer_string(&y));
                    assert_true(plan_embeddings(a) == plan_embeddings(b));
                    assert_true(plan_head(a) == plan_head(b));
                    buffer_free(&x);
                    buffer_free(&y);
                    plan_free(a);
                    plan_free(b);
                }
            scan_free(file);
        }
        scan_free(scan);
        model_close(model);
    }
}

/* --- what the tools make of it --- */

/* Does a reader of the format train the tensor? */
static bool is_matched(enum plan_format format, char *text, const char *tensor)
{
    bool chosen = false;
    tool_choose(tool_of(format), &chosen, &tensor, 1, text);
    return chosen;
}

/* Every tensor of the model is matched, or not, as the list says. PEFT has whole modules alone. */
static void expect_matches(const struct fixture *fixture, double percent, const char *const *trains,
                           size_t count)
{
    struct model *model = open_fixture(fixture);
    struct scan *scan = scored(model);
    struct plan *plan = plan_of(scan, NULL, percent);
    for (enum plan_format format = PLAN_YAML; format <= PLAN_MS_SWIFT; format++)
        for (size_t i = 0; i < model->parameter_count; i++) {
            const char *tensor = model->parameters[i].name;
            bool expected = false;
            struct buffer text = BUFFER_INIT;
            for (size_t k = 0; k < count; k++)
                expected |= strcmp(trains[k], tensor) == 0;
            if (format == PLAN_PEFT && !text_ends_with(tensor, ".weight"))
                continue;
            plan_put(&text, plan, format, "s");
            if (is_matched(format, text.data, tensor) != expected)
                fail_msg("format %d: %s %s", format, tensor,
                         expected ? "is not matched" : "is matched");
            buffer_free(&text);
        }
    plan_free(plan);
    scan_free(scan);
    model_close(model);
}

static void tools_match_what_the_plan_trains(void **state)
{
    (void)state;
    static const char *const of_qwen2[] = {
        "lm_head.weight", "model.embed_tokens.weight", "model.layers.1.self_attn.q_proj.weight",
        "model.layers.1.self_attn.q_proj.bias", "model.layers.1.mlp.up_proj.weight"};
    static const char *const of_gpt2[] = {"transformer.wte.weight",
                                          "transformer.h.1.attn.c_attn.weight",
                                          "transformer.h.1.attn.c_attn.bias"};
    static const char *const of_odd[] = {
        "model.embed_in.weight",          "embed_out.weight",
        "model.layers.1.mlp.gate.weight", "model.layers.1.mlp.gate.bias",
        "model.layers.1.mixer.A",         "model.layers.1.mlp.gate_proj.weight"};
    expect_matches(&qwen2, 50, of_qwen2, 5);
    expect_matches(&gpt2, 50, of_gpt2, 3);
    expect_matches(&odd, 50, of_odd, 6);
}

/* The file has a copy of the tied head; the loaded model has the embedding alone. */
static void of_a_tied_model_the_one_tensor_is_named(void **state)
{
    (void)state;
    struct model *model = open_fixture(&tied);
    struct scan *scan = scored(model);
    struct plan *plan = plan_of(scan, model, 100);
    for (enum plan_format format = PLAN_YAML; format <= PLAN_MS_SWIFT; format++) {
        struct buffer text = BUFFER_INIT;
        plan_put(&text, plan, format, "s");
        assert_null(strstr(buffer_string(&text), "lm_head"));
        assert_non_null(strstr(buffer_string(&text), "embed_tokens"));
        buffer_free(&text);
    }
    assert_true(plan_embeddings(plan) && plan_head(plan));
    assert_int_equal(plan_counts(plan).parameters, 32 * 8 + 16 * 8);
    plan_free(plan);
    scan_free(scan);
    model_close(model);
}

/* A part of a wider name is not "mlp.gate" of it: what only begins so stays frozen. */
static void a_name_that_begins_another_is_written_whole(void **state)
{
    (void)state;
    struct model *model = open_fixture(&odd);
    struct scan *scan = scored(model);
    struct plan *plan = plan_of(scan, model, 0);
    size_t matched;
    assert_int_equal(plan_set_matching(plan, "layers\\.0\\.mlp\\.gate$", true, &matched, NULL), 0);
    assert_int_equal(matched, 1);
    for (enum plan_format format = PLAN_YAML; format <= PLAN_MS_SWIFT; format++) {
        struct buffer text = BUFFER_INIT;
        plan_put(&text, plan, format, "s");
        assert_false(is_matched(format, text.data, "model.layers.0.mlp.gate_proj.weight"));
        buffer_free(&text);
    }
    plan_free(plan);
    scan_free(scan);
    model_close(model);
}

/* Published scans do not say what else there is: a module's bias trains where there is one, in
 * every format, and "m.1" is not "m.10". */
static void a_scan_that_does_not_say_means_the_module(void **state)
{
    (void)state;
    static struct scan_row row = {.module = "l.1.q", .type = "q", .known = true, .snr = 1};
    static const struct scan scan = {.rows = &row, .count = 1};
    struct plan *plan = plan_of(&scan, NULL, 100);
    static const enum plan_format formats[] = {PLAN_YAML, PLAN_AXOLOTL, PLAN_TRL, PLAN_MS_SWIFT};
    static const struct {
        const char *tensor;
        bool trains;
    } names[] = {{"l.1.q.weight", true},
                 {"l.1.q.bias", true},
                 {"l.10.q.weight", false},
                 {"model.embed_tokens.weight", true},
                 {"lm_head.weight", true}};
    for (size_t f = 0; f < sizeof formats / sizeof *formats; f++)
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            struct buffer text = BUFFER_INIT;
            plan_put(&text, plan, formats[f], "s");
            assert_int_equal(is_matched(formats[f], text.data, names[i].tensor), names[i].trains);
            buffer_free(&text);
        }
    assert_false(plan_counts(plan).known);
    plan_free(plan);
}

/* Its norms show by their names: PEFT takes no adapter beside them, and their loss is counted. */
static void vectors_and_biases_are_lost_in_peft(void **state)
{
    (void)state;
    static struct scan_row rows[] = {
        {.module = "l.0.q", .type = "q", .known = true, .snr = 1},
        {.module = "l.0.input_layernorm", .type = "input_layernorm", .known = true, .snr = 1},
        {.module = "l.0.ln_2", .type = "ln_2", .known = true, .snr = 1}};
    static const struct scan scan = {.rows = rows, .count = 3};
    struct buffer text = BUFFER_INIT;
    struct plan *plan = plan_of(&scan, NULL, 100);
    plan_put(&text, plan, PLAN_PEFT, "s");
    assert_non_null(strstr(buffer_string(&text), "- l.0.q\n"));
    assert_null(strstr(buffer_string(&text), "ln"));
    assert_null(strstr(buffer_string(&text), "norm"));
    assert_int_equal(plan_lost_in_peft(plan).tensors, 2);
    buffer_free(&text);
    plan_free(plan);
    struct model *model = open_fixture(&qwen2);
    struct scan *described = scored(model);
    plan = plan_of(described, model, 50);
    assert_int_equal(plan_lost_in_peft(plan).biases, 1);
    assert_int_equal(plan_lost_in_peft(plan).tensors, 0);
    plan_free(plan);
    scan_free(described);
    model_close(model);
}

static void check(const struct plan *plan, enum plan_format format, bool file_names,
                  const char *says)
{
    struct error err = ERROR_INIT;
    assert_int_equal(plan_check_target(plan, format, file_names, &err), says ? -1 : 0);
    if (says && !strstr(err.text, says))
        fail_msg("\"%s\" does not say \"%s\"", err.text, says);
}

static void what_would_train_nothing_is_refused(void **state)
{
    (void)state;
    struct model *model = open_fixture(&qwen2);
    struct scan *scan = scored(model);
    struct plan *plan = plan_of(scan, model, 0);
    check(plan, PLAN_AXOLOTL, false, NULL); /* embeddings and head */
    check(plan, PLAN_PEFT, false, "no linear layer");
    plan_set_embeddings(plan, false, NULL);
    plan_set_head(plan, false, NULL);
    check(plan, PLAN_AXOLOTL, false, "train everything");
    check(plan, PLAN_TRL, false, "train nothing");
    check(plan, PLAN_MS_SWIFT, true, "train nothing");
    check(plan, PLAN_YAML, false, "train nothing");
    check(plan, PLAN_JSON, false, "train nothing");
    plan_free(plan);
    scan_free(scan);
    model_close(model);
}

/* Of an architecture that is in no table here, wherever in the model its blocks are. */
static void names_of_llama_cpp_are_not_written(void **state)
{
    (void)state;
    static const char *const names[] = {"blk.0.attn_q.weight",     "enc.blk.0.attn_q.weight",
                                        "dec.blk.0.attn_q.weight", "v.blk.0.attn_q.weight",
                                        "a.blk.0.attn_q.weight",   "mm.0.weight"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct buffer file = BUFFER_INIT;
        struct error err = ERROR_INIT;
        struct model *model = NULL;
        char *folder = data_folder(), *path = path_join(folder, "test.gguf", NULL);
        gguf_begin(&file, 1, 1);
        gguf_key(&file, "general.architecture", GGUF_STRING);
        gguf_string(&file, "unheard_of", 10);
        gguf_tensor(&file, names[i], strlen(names[i]), 0, 4, 4);
        while (file.length % 32 != 0)
            buffer_byte(&file, 0);
        buffer_append(&file, (char[64]){0}, 64);
        data_file(folder, "test.gguf", file.data, file.length);
        if (model_open(&model, path, &err) != 0)
            fail_msg("%s", err.text);
        struct scan *scan = NULL;
        assert_int_equal(
            scan_for_model(&scan, NULL, model, &(struct scan_choice){.modules = "."}, NULL), 0);
        assert_int_equal(scan->count, 1);
        scan->rows[0].known = true;
        struct plan *plan = plan_of(scan, model, 100);
        check(plan, PLAN_YAML, false, "1 of the plan's 1 names");
        check(plan, PLAN_AXOLOTL, false, "it is called as llama.cpp has it");
        check(plan, PLAN_YAML, true, NULL);
        plan_free(plan);
        scan_free(scan);
        model_close(model);
        data_folder_remove(folder);
        buffer_free(&file);
        free(path);
    }
}

/* --- names that mean something --- */

/* Names first that YAML, a pattern or a shell would take for something else; then what they would be
 * taken for. */
enum { HOSTILE = 34, DECOYS = 14 };
static const char *const hostile[HOSTILE + DECOYS] = {
    "model.layers.0.mlp.up_proj #1",
    "a: b # c",
    "- &x",
    "a\"; rm -rf / #",
    "'q'",
    "*x",
    "1e3",
    "null",
    " lead",
    "trail ",
    "true",
    "~",
    "0x1F",
    "1:30",
    "2001-12-14t21:59",
    "colon:",
    "\"d\"",
    "%d",
    "@e",
    "`f`",
    "!g h",
    "[h]",
    "{i: j}",
    "|",
    "> k",
    "? l",
    "&m n",
    "=",
    "<<",
    "^b$",
    "^c.",
    "d\\.e",
    "f\\",
    "\xEF\xBB\xBFg",
    "model.layers.0.mlp.up_proj",
    "a: b",
    "a",
    "x",
    "q",
    "lead",
    "trail",
    "b",
    "c",
    "d.e",
    "f",
    "g",
    "1000",
    "d",
};

/* As a published scan has them, as one of ours has, and where each begins another's name. */
static void put_hostile(struct scan_row *rows, struct scan *scan, int variant)
{
    for (size_t i = 0; i < HOSTILE + DECOYS; i++)
        rows[i] = (struct scan_row){.module = (char *)hostile[i],
                                    .type = "t",
                                    .known = true,
                                    .snr = 1,
                                    .begins = variant == 2};
    *scan = (struct scan){.rows = rows, .count = HOSTILE + DECOYS, .of = {.known = variant > 0}};
}

static struct plan *none_of(const struct scan *scan)
{
    struct plan *plan = plan_of(scan, NULL, 0);
    plan_set_embeddings(plan, false, NULL);
    plan_set_head(plan, false, NULL);
    return plan;
}

static void expect_read_back(const struct scan *scan, const struct plan *plan,
                             enum plan_format format, const char *folder)
{
    char path[400];
    struct error err = ERROR_INIT;
    struct buffer text = BUFFER_INIT;
    struct plan *back = none_of(scan);
    plan_put(&text, plan, format, "s");
    data_text(folder, "plan", buffer_string(&text));
    snprintf(path, sizeof path, "%s/plan", folder);
    if (plan_read(back, path, &err) != 0)
        fail_msg("%s\n%s", err.text, buffer_string(&text));
    for (size_t i = 0; i < scan->count; i++)
        if (plan_row(back, i) != plan_row(plan, i))
            fail_msg("format %d: \"%s\"\n%s", format, hostile[i], buffer_string(&text));
    buffer_free(&text);
    plan_free(back);
}

static void hostile_names_read_back(void **state)
{
    (void)state;
    static const enum plan_format formats[] = {PLAN_YAML, PLAN_JSON, PLAN_AXOLOTL, PLAN_TRL};
    struct scan_row rows[HOSTILE + DECOYS];
    struct scan scan;
    char *folder = data_folder();
    for (int variant = 0; variant < 3; variant++) {
        put_hostile(rows, &scan, variant);
        for (size_t f = 0; f < sizeof formats / sizeof *formats; f++)
            for (size_t i = 0; i < scan.count; i++) {
                struct plan *plan = none_of(&scan);
                assert_int_equal(plan_toggle(plan, &i, 1, NULL), 0);
                expect_read_back(&scan, plan, formats[f], folder);
                plan_free(plan);
            }
    }
    data_folder_remove(folder);
}

/* What types a plain scalar has is its reader's to say, so the text itself is held. */
static void only_what_yaml_takes_otherwise_is_quoted(void **state)
{
    (void)state;
    static const struct {
        const char *name, *line;
    } cases[] = {
        {"1e3", "- \"1e3\"\n"},
        {"null", "- \"null\"\n"},
        {"True", "- \"True\"\n"},
        {".inf", "- \".inf\"\n"},
        {"1_000", "- \"1_000\"\n"},
        {"+.5", "- \"+.5\"\n"},
        {"0o17", "- \"0o17\"\n"},
        {"2001-01-01", "- \"2001-01-01\"\n"},
        {"a\"\\ #", "- \"a\\\"\\\\ #\"\n"},
        {"\xEF\xBB\xBFg", "- \"\\uFEFFg\"\n"},
        {"0.auto_model.fc", "- 0.auto_model.fc\n"},
        {"e1", "- e1\n"},
        {"nullable", "- nullable\n"},
        {"a#b", "- a#b\n"},
        {"a:b", "- a:b\n"},
        {"model.h\xC3\xA9", "- model.h\xC3\xA9\n"},
        {"a-b/c_d.0.E", "- a-b/c_d.0.E\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int peft = 0; peft < 2; peft++) {
            struct scan_row row = {
                .module = (char *)cases[i].name, .type = "t", .known = true, .snr = 1};
            const struct scan scan = {.rows = &row, .count = 1};
            struct plan *plan = plan_of(&scan, NULL, 100);
            struct buffer text = BUFFER_INIT;
            plan_put(&text, plan, peft ? PLAN_PEFT : PLAN_YAML, "s");
            if (!strstr(buffer_string(&text), cases[i].line))
                fail_msg("%s is not in\n%s", cases[i].line, buffer_string(&text));
            buffer_free(&text);
            plan_free(plan);
        }
}

/* ms-swift takes names as they are, and those that could begin another's by a pattern. */
static void what_a_tool_cannot_say_is_refused(void **state)
{
    (void)state;
    struct scan_row row = {.module = "b'x+(y)", .bare = true, .type = "t", .known = true, .snr = 1};
    const struct scan scan = {.rows = &row, .count = 1, .of = {.known = true}};
    struct plan *plan = plan_of(&scan, NULL, 100);
    struct buffer text = BUFFER_INIT;
    plan_put(&text, plan, PLAN_MS_SWIFT, "s");
    assert_non_null(
        strstr(buffer_string(&text), " --trainable_parameters_regex '^(b'\\''x\\+\\(y\\))$'\n"));
    check(plan, PLAN_MS_SWIFT, false, NULL);
    check(plan, PLAN_YAML, false, NULL);
    check(plan, PLAN_AXOLOTL, false, "\"'\" has a meaning in the patterns");
    check(plan, PLAN_TRL, false, "\"'\" has a meaning in the patterns");
    buffer_free(&text);
    plan_free(plan);
    row = (struct scan_row){.module = "-x", .type = "t", .known = true, .snr = 1};
    plan = plan_of(&scan, NULL, 100);
    check(plan, PLAN_MS_SWIFT, false, "-x: ms-swift takes what begins with \"-\" for an option");
    plan_free(plan);
    /* A tensor that no row has is a name, too. */
    const struct fixture fixture = {
        "{\"model_type\": \"x\"}", {"model.layers.0.q.weight F32 4,4", "model.no+rm.weight F32 4"}};
    struct model *model = open_fixture(&fixture);
    struct scan *described = scored(model);
    static const char *const names[] = {"model.no+rm.weight"};
    plan = plan_of(described, model, 0);
    assert_int_equal(plan_set_names(plan, names, 1, NULL, NULL), 0);
    check(plan, PLAN_TRL, true, "\"+\" has a meaning in the patterns");
    check(plan, PLAN_JSON, true, NULL);
    plan_free(plan);
    scan_free(described);
    model_close(model);
}

/* Names as transformers 5.23 is known to change them when it loads a model. */
static void names_that_no_loaded_model_has_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *config, *tensor, *says; /* NULL: let pass */
    } cases[] = {
        {"{\"model_type\": \"x\"}", "model.layers.0.mlp.up_proj.weight F32 4,4", NULL},
        {"{\"model_type\": \"x\"}", "backbone.layers.0.mlp.up_proj.weight F32 4,4", NULL},
        {"{\"model_type\": \"x\"}", "h.0.mlp.c_fc.weight F32 4,4", "in front"},
        {"{\"model_type\": \"x\"}", "layers.0.mlp.c_fc.weight F32 4,4", "in front"},
        {"{\"model_type\": \"nemotron_h\"}", "backbone.layers.0.mixer.up_proj.weight F32 4,4",
         NULL},
        {"{\"model_type\": \"x\"}", "model.layers.0.mlp.experts.3.up_proj.weight F32 4,4",
         "one tensor"},
        {"{\"model_type\": \"x\"}", "model.layers.0.block_sparse_moe.gate.weight F32 4,4",
         "mixture"},
        {"{\"text_config\": {}, \"model_type\": \"x\"}",
         "language_model.model.layers.0.mlp.up_proj.weight F32 4,4", "multimodal"},
        {"{\"text_config\": {}, \"model_type\": \"x\"}",
         "model.layers.0.mlp.up_proj.weight F32 4,4", "multimodal"},
        {"{\"text_config\": {}, \"model_type\": \"x\"}",
         "model.language_model.layers.0.mlp.up_proj.weight F32 4,4", NULL},
        {"{\"model_type\": \"x\"}", "model.language_model.layers.0.mlp.up_proj.weight F32 4,4",
         "multimodal"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct fixture fixture = {cases[i].config, {cases[i].tensor}};
        struct model *model = open_fixture(&fixture);
        struct scan *scan = scored(model), *file = read_back(scan, false);
        struct plan *plan = plan_of(scan, model, 100), *of_file = plan_of(file, NULL, 100);
        for (enum plan_format format = PLAN_YAML; format <= PLAN_MS_SWIFT; format++) {
            check(plan, format, false, cases[i].says);
            check(of_file, format, false, cases[i].says);
            check(plan, format, true, NULL);
        }
        plan_free(plan);
        plan_free(of_file);
        scan_free(scan);
        scan_free(file);
        model_close(model);
    }
}

/* Matrices of their own in the file, one tensor once loaded (gate and up of both experts). Layer 0 has
 * the higher SNRs, layer 1 the better ranks: a plan of the loaded model takes one layer's or the other's,
 * whole, and one of the file's names takes the best of each expert. */
static void experts_of_one_loaded_tensor_are_chosen_whole(void **state)
{
    (void)state;
    static const double snrs[2][4] = {{40, 10, 20, 30}, {1, 11, 21, 31}};
    static const char *const parts[] = {"0.w1", "0.w3", "1.w1", "1.w3"};
    static char lines[8][100];
    struct fixture fixture = {"{\"model_type\": \"mixtral\"}", {"lm_head.weight F32 4,4"}};
    for (int i = 0; i < 8; i++) {
        snprintf(lines[i], sizeof lines[i],
                 "model.layers.%d.block_sparse_moe.experts.%s.weight F32 4,4", i / 4, parts[i % 4]);
        fixture.tensors[1 + i] = lines[i];
    }
    struct model *model = open_fixture(&fixture);
    struct scan *scan = scored(model);
    assert_int_equal(scan->count, 8);
    for (size_t i = 0; i < scan->count; i++)
        for (int k = 0; k < 8; k++)
            if (strncmp(scan->rows[i].module, lines[k], strlen(scan->rows[i].module)) == 0)
                scan->rows[i].snr = snrs[k / 4][k % 4];
    for (int how = 0; how < 3; how++) { /* by ranks, by SNR, by the file's names */
        struct plan *plan = NULL;
        size_t taken[2] = {0};
        assert_int_equal(plan_new(&plan, scan, model, NULL), 0);
        if (how == 2)
            plan_select_of_file(plan);
        assert_int_equal(plan_select(plan, 50, how == 1 ? PLAN_TOGETHER : PLAN_BY_TYPE, NULL), 0);
        for (size_t i = 0; i < scan->count; i++)
            taken[strstr(scan->rows[i].module, "layers.1.") != NULL] += plan_row(plan, i);
        assert_int_equal(taken[0], how == 0 ? 0 : how == 1 ? 4 : 1);
        assert_int_equal(taken[1], how == 0 ? 4 : how == 1 ? 0 : 3);
        check(plan, PLAN_AXOLOTL, how == 2, NULL);
        if (how == 2)
            check(plan, PLAN_AXOLOTL, false, "a tensor trains whole or not at all");
        plan_free(plan);
    }
    scan_free(scan);
    model_close(model);
}

/* Experts that lie in one tensor train together, and yet each has a rank of its own. */
static void an_expert_has_its_own_rank(void **state)
{
    (void)state;
    static const double snrs[] = {10, 1, 5, 9};
    static const size_t ranks[] = {1, 2, 2, 1};
    const struct fixture fixture = {
        "{\"model_type\": \"x\"}",
        {"model.layers.0.mlp.experts.down F32 2,4,4", "model.layers.1.mlp.experts.down F32 2,4,4"}};
    struct model *model = open_fixture(&fixture);
    struct scan *scan = scored(model);
    assert_int_equal(scan->count, 4);
    for (size_t i = 0; i < 4; i++) {
        bool second = strstr(scan->rows[i].module, "layers.1.") != NULL;
        scan->rows[i].snr = snrs[2 * second + (size_t)scan->rows[i].expert];
    }
    struct plan *plan = plan_of(scan, model, 50);
    for (size_t i = 0; i < 4; i++) {
        bool second = strstr(scan->rows[i].module, "layers.1.") != NULL;
        size_t of;
        assert_int_equal(plan_rank(plan, i, &of), ranks[2 * second + (size_t)scan->rows[i].expert]);
        assert_int_equal(of, 2);
    }
    plan_free(plan);
    scan_free(scan);
    model_close(model);
}

/* Embeddings and heads under the names that they have; "": there is none. */
static void ends_are_found_by_their_names(void **state)
{
    (void)state;
    static const struct {
        const char *embedding, *head;
    } cases[] = {
        {"gpt_neox.embed_in.weight", "embed_out.weight"},
        {"transformer.word_embeddings.weight", "lm_head.weight"},
        {"model.tok_embeddings.weight", "output.weight"},
        {"model.decoder.embed_tokens.weight", ""},
        {"", "lm_head.weight"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char lines[2][100];
        struct fixture fixture = {"{\"model_type\": \"x\"}",
                                  {"l.0.q.weight F32 4,4", "transformer.wpe.weight F32 4,4"}};
        snprintf(lines[0], sizeof lines[0], "%s F32 4,4", cases[i].embedding);
        snprintf(lines[1], sizeof lines[1], "%s F32 4,4", cases[i].head);
        int at = 2;
        if (cases[i].embedding[0])
            fixture.tensors[at++] = lines[0];
        if (cases[i].head[0])
            fixture.tensors[at] = lines[1];
        struct model *model = open_fixture(&fixture);
        struct scan *scan = scored(model);
        struct plan *plan = plan_of(scan, model, 0);
        bool embedding = cases[i].embedding[0], head = cases[i].head[0];
        assert_int_equal(plan_embeddings(plan), embedding);
        assert_int_equal(plan_head(plan), head || embedding); /* without its own it is tied */
        assert_int_equal(plan_counts(plan).parameters, 16 * (embedding + head));
        if (embedding)
            assert_true(plan_trains(plan, cases[i].embedding));
        assert_false(plan_trains(plan, "transformer.wpe.weight"));
        plan_free(plan);
        scan_free(scan);
        model_close(model);
    }
}

/* --- what is not scored --- */

static bool says(const struct scan *scan, const char *what)
{
    char line[SCAN_LINE_MAX];
    for (size_t i = 0; scan_say(scan, i, line, sizeof line); i++)
        if (strstr(line, what))
            return true;
    return false;
}

/* What quantisers keep beside their codes is no row, whatever they call it; their codes are rows
 * that cannot be read. */
static void scales_are_no_rows(void **state)
{
    (void)state;
    static const char *const sets[][6] = {
        {"m.0.q.weight F8_E4M3 4,4", "m.0.q.weight_scale_inv F32 2,2"},
        {"m.0.q.weight U32 4,4", "m.0.q.scales F32 4,2", "m.0.q.biases F32 4,2"},
        {"m.0.q.qweight I32 4,4", "m.0.q.scales F32 4,2", "m.0.q.qzeros I32 4,2"},
        {"m.0.q.weight_packed I32 4,4", "m.0.q.weight_scale F32 4,2"},
        {"m.0.q.weight U8 16,1", "m.0.q.weight.absmax F32 4,2", "m.0.q.weight.quant_map F32 4,4"},
        {"m.0.q.W_q U8 4,4", "m.0.q.scale F32 4,2", "m.0.q.zero F32 4,2"},
        {"m.0.q.weight I8 4,4", "m.0.q.weight_zero_point F32 4,2", "m.0.q.input_scale F32 4,2"},
        {"m.0.q.weight U8 4,4", "m.0.q.weight_scale F32 4,2", "m.0.q.weight_scale_2 F32 4,2"},
        {"m.0.q.weight_packed I32 4,4", "m.0.q.weight_zero_point F32 4,2",
         "m.0.q.weight_global_scale F32 4,2"},
        {"m.0.q.weight_packed I32 4,4", "m.0.q.weight_g_idx F32 4,2", "m.0.q.weight_shape F32 4,2"},
        {"m.0.q.weight_packed U8 4,4", "m.0.q.input_global_scale F32 4,2", "m.0.q.k_scale F32 4,2"},
        {"m.0.q.weight U8 16,1", "m.0.q.weight.nested_absmax F32 4,2",
         "m.0.q.weight.nested_quant_map F32 4,4"},
        {"m.0.q.weight I8 4,4", "m.0.q.SCB F32 4,2", "m.0.q.weight_format F32 4,2"},
        {"m.0.q.weight F8_E4M3 4,4", "m.0.q.activation_scale F32 4,2", "m.0.q.scale F32 4,2"},
        {"m.0.experts_up U8 4,4", "m.0.experts_up_scale F32 4,2",
         "m.0.experts_up_scale_inv F32 4,2"},
        {"m.0.experts_up U8 4,4", "m.0.experts_up_weight_scale F32 4,2",
         "m.0.experts_up_weight_scale_2 F32 4,2"},
        {"m.0.experts_up_blocks I8 4,4", "m.0.experts_up_scales F32 4,2"},
        {"m.0.experts_up U8 4,4", "m.0.experts_up_input_scale F32 4,2",
         "m.0.experts_up_zero_point F32 4,2"},
    };
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        for (int all = 0; all < 2; all++) {
            struct fixture fixture = {"{}", {sets[i][0], sets[i][1], sets[i][2]}};
            struct model *model = open_fixture(&fixture);
            struct scan *scan = NULL;
            struct matrix_part *of = NULL;
            char reason[64];
            assert_int_equal(scan_for_model(&scan, &of, model,
                                            &(struct scan_choice){all ? "." : NULL, false}, NULL),
                             0);
            assert_int_equal(scan->count, 1);
            assert_true(scan_row_refusal(&of[0], reason, sizeof reason));
            assert_non_null(strstr(reason, " cannot be read: "));
            free(of);
            scan_free(scan);
            model_close(model);
        }
    /* A plain model may have tensors of those names. */
    const struct fixture plain = {"{}", {"m.0.q.weight F32 4,4", "m.0.q.scales F32 4,4"}};
    struct model *model = open_fixture(&plain);
    struct scan *scan = scored(model);
    assert_int_equal(scan->count, 2);
    scan_free(scan);
    model_close(model);
}

/* Codes that are read, also where no configuration speaks of a quantiser: a row that is scored, a
 * weight that is planned, and nothing that trains. */
static void quantised_weights_are_rows_and_do_not_train(void **state)
{
    (void)state;
#define BLOCK "model.layers.0."
    static const struct fixture quantised = {
        "{\"model_type\": \"llama\", \"hidden_size\": 8, \"intermediate_size\": 16, "
        "\"vocab_size\": 32,"
        " \"num_hidden_layers\": 1, \"num_attention_heads\": 2, \"tie_word_embeddings\": true}",
        {"model.embed_tokens.weight F32 32,8", "model.norm.weight F32 8",
         BLOCK "input_layernorm.weight F32 8", BLOCK "post_attention_layernorm.weight F32 8",
         BLOCK "self_attn.q_proj.weight F32 8,8", BLOCK "self_attn.k_proj.weight F32 8,8",
         BLOCK "self_attn.v_proj.weight F32 8,8", BLOCK "self_attn.o_proj.weight F32 8,8",
         BLOCK "mlp.gate_proj.weight F32 16,8", BLOCK "mlp.up_proj.weight F32 16,8",
         BLOCK "mlp.down_proj.weight F8_E4M3 8,16", BLOCK "mlp.down_proj.weight_scale F32 1"}};
#undef BLOCK
    struct model *model = open_fixture(&quantised);
    struct scan *scan = scored(model);
    struct error err = ERROR_INIT;
    assert_int_equal(scan->count, 7);
    assert_string_equal(scan->rows[6].dtype, "F8_E4M3 scaled");
    assert_int_equal(model_check_trainable(model, &err), -1);
    assert_non_null(strstr(err.text, "mlp.down_proj.weight is quantised (F8_E4M3 scaled)"));
    scan_free(scan);
    model_close(model);
}

static void what_is_left_out_is_said(void **state)
{
    (void)state;
    const struct fixture fixture = {
        "{\"model_type\": \"x\"}",
        {"model.layers.0.q.weight F32 4,4", "model.layers.0.mlp.experts.down F32 2,4,4",
         "model.layers.1.mlp.experts.down F32 2,4,4",
         "model.layers.0.mlp.experts.down_bias F32 2,4", "model.layers.0.conv.weight F32 4,1,3",
         "model.projector.weight F32 4,4", "model.layers.0.mlp.experts_blocks U8 2,4,4",
         "model.layers.0.mlp.experts_scales U8 2,4"}};
    struct model *model = open_fixture(&fixture);
    struct scan *scan = scored(model), *file = read_back(scan, false);
    assert_int_equal(scan->count, 5); /* four experts among them */
    for (int of_file = 0; of_file < 2; of_file++) {
        const struct scan *one = of_file ? file : scan;
        assert_true(says(one, "1 tensor, model.layers.0.mlp.experts_blocks first: experts"));
        assert_false(says(one, "down"));
        assert_true(says(one, "1 tensor, model.layers.0.conv.weight first: more than two"));
        assert_true(says(one, "1 tensor, model.projector.weight first: outside the blocks"));
        assert_false(says(one, "scales"));
    }
    scan_free(file);
    scan_free(scan);
    /* Asked for by name it is a row without a score: three dimensions are no matrix. */
    struct matrix_part *of = NULL;
    char reason[64];
    assert_int_equal(scan_for_model(&scan, &of, model, &(struct scan_choice){"conv$", false}, NULL),
                     0);
    assert_int_equal(scan->count, 1);
    assert_true(scan_row_refusal(&of[0], reason, sizeof reason));
    assert_string_equal(reason, "it has 3 dimensions");
    free(of);
    scan_free(scan);
    model_close(model);
}

/* A head's bias, an embedding's, a norm's: transformers makes no parameter of them, either. */
static void biases_without_a_place_are_said(void **state)
{
    (void)state;
    static const char *const names[] = {"lm_head.bias", "model.norm.bias",
                                        "model.embed_tokens.bias",
                                        "model.layers.0.input_layernorm.bias"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char bias[80];
        struct fixture fixture = {tied.config, {tied.tensors[0], tied.tensors[2], bias}};
        snprintf(bias, sizeof bias, "%s F32 32", names[i]);
        struct model *model = open_fixture(&fixture);
        if (!strstr(model_notes(model), names[i]) || !strstr(model_notes(model), "has no place"))
            fail_msg("%s: \"%s\"", names[i], model_notes(model));
        model_close(model);
    }
}

/* The head of a YAML plan says what made its scores, and no heading stands alone. */
static void headings_have_lines(void **state)
{
    (void)state;
    struct model *model = open_fixture(&qwen2);
    struct scan *scan = scored(model);
    struct plan *plan = plan_of(scan, model, 0);
    struct buffer text = BUFFER_INIT;
    size_t matched;
    plan_set_matching(plan, "layers.1.mlp.up_proj", true, &matched, NULL);
    snprintf(scan->estimator, sizeof scan->estimator, "mp");
    snprintf(scan->empty_noise, sizeof scan->empty_noise, "one");
    plan_put(&text, plan, PLAN_YAML, "s");
    const char *says = buffer_string(&text);
    assert_non_null(
        strstr(says, "# scores by the estimator mp, an empty noise set counts as one\n"));
    assert_non_null(strstr(says, "# mlp.up_proj layers\n- model.layers.1.mlp.up_proj\n"));
    assert_null(strstr(says, "# self_attn.q_proj layers"));
    buffer_free(&text);
    plan_free(plan);
    scan_free(scan);
    model_close(model);
}

static void empty_noise_sets_are_said(void **state)
{
    (void)state;
    struct scan_row rows[] = {
        {.module = "a.0.q", .type = "q", .known = true, .snr = INFINITY},
        {.module = "a.1.q", .type = "q", .known = true, .snr = 2},
        {.module = "a.2.q", .type = "q", .known = true, .snr = INFINITY},
        {.module = "a.0.k", .type = "k", .known = true, .snr = 3, .detailed = true},
    };
    struct scan scan = {.rows = rows, .count = 4, .empty_noise = "infinity"};
    assert_true(says(&scan, "3 of 4 matrices, q, k, have an empty noise set"));
    assert_true(says(&scan, "--empty-noise one"));
    snprintf(scan.empty_noise, sizeof scan.empty_noise, "one");
    assert_true(says(&scan, "--empty-noise infinity"));
    scan.rows = rows + 1;
    scan.count = 1;
    assert_false(says(&scan, "empty noise"));
}

/* What a scan says of its model is taken whole, or refused by the name of the member that is wrong;
 * nothing said is nothing known. */
static void a_damaged_record_is_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *record, *named;
    } rows[] = {
        {"1", "\"model\" is 1"},
        {"{\"names\": \"other\", \"tied\": false, \"parameters\": 9}", "\"names\" is \"other\""},
        {"{\"names\": \"file\", \"tied\": false, \"parameters\": -9}", "\"parameters\" is -9"},
        {"{\"names\": \"file\", \"tied\": false, \"parameters\": 9, \"ends\": [{}]}", "\"tensor\""},
        {"{\"names\": \"file\", \"tied\": false, \"parameters\": 9, \"ends\":"
         " [{\"tensor\": \"a\\u001b\", \"head\": true, \"parameters\": 3}]}",
         "\"tensor\""},
        {"{\"names\": \"file\", \"tied\": false, \"parameters\": 9, \"ends\":"
         " [{\"tensor\": \"a\", \"head\": true, \"parameters\": 1e300}]}",
         "\"parameters\" is 1e+300"},
        {"{\"names\": \"file\", \"tied\": false, \"parameters\": 9, \"omissions\": [{\"first\": "
         "1}]}",
         "\"first\" is 1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buffer text = BUFFER_INIT;
        struct scan *scan = NULL;
        struct error err = ERROR_INIT;
        buffer_format(&text, "{\"l.0.q\": {\"snr\": 1, \"type\": \"q\", \"model\": %s}}",
                      rows[i].record);
        assert_int_equal(scan_parse(&scan, buffer_string(&text), text.length, "test", &err), -1);
        if (!strstr(err.text, rows[i].named))
            fail_msg("%s is not named: %s", rows[i].named, err.text);
        buffer_free(&text);
    }
    static const char nothing[] = "{\"l.0.q\": {\"snr\": 1, \"type\": \"q\", \"model\": {}}}";
    struct scan *scan = NULL;
    assert_int_equal(scan_parse(&scan, nothing, strlen(nothing), "test", NULL), 0);
    assert_false(scan->of.known);
    scan_free(scan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scan_file_plans_as_its_model),
        cmocka_unit_test(tools_match_what_the_plan_trains),
        cmocka_unit_test(of_a_tied_model_the_one_tensor_is_named),
        cmocka_unit_test(a_name_that_begins_another_is_written_whole),
        cmocka_unit_test(a_scan_that_does_not_say_means_the_module),
        cmocka_unit_test(vectors_and_biases_are_lost_in_peft),
        cmocka_unit_test(what_would_train_nothing_is_refused),
        cmocka_unit_test(names_of_llama_cpp_are_not_written),
        cmocka_unit_test(hostile_names_read_back),
        cmocka_unit_test(only_what_yaml_takes_otherwise_is_quoted),
        cmocka_unit_test(what_a_tool_cannot_say_is_refused),
        cmocka_unit_test(names_that_no_loaded_model_has_are_refused),
        cmocka_unit_test(experts_of_one_loaded_tensor_are_chosen_whole),
        cmocka_unit_test(an_expert_has_its_own_rank),
        cmocka_unit_test(ends_are_found_by_their_names),
        cmocka_unit_test(scales_are_no_rows),
        cmocka_unit_test(quantised_weights_are_rows_and_do_not_train),
        cmocka_unit_test(what_is_left_out_is_said),
        cmocka_unit_test(empty_noise_sets_are_said),
        cmocka_unit_test(biases_without_a_place_are_said),
        cmocka_unit_test(headings_have_lines),
        cmocka_unit_test(a_damaged_record_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
