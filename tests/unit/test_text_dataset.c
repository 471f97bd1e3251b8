#include "text_data.h"

#include "base/random.h"
#include "text/dataset/dataset.h"

static int load(struct dataset *out, const char *ending, const void *content, size_t length,
                const struct dataset_options *options, struct error *err)
{
    char path[64] = "/tmp/spectrum-data-XXXXXX";
    strcat(path, ending);
    int fd = mkstemps(path, (int)strlen(ending));
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, length), length);
    close(fd);
    struct tokenizer *tokenizer = letter_tokenizer(true);
    const char *paths[] = {path};
    int status = dataset_load(out, paths, 1, options, tokenizer, err);
    tokenizer_close(tokenizer);
    unlink(path);
    return status;
}

/* A document as text: letters as they are, capitals where supervised, < bos, > eos (} trained). */
static void spell(const struct dataset *data, size_t document, char *out)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz_/<>";
    static const char trained[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ-|({";
    for (uint64_t i = data->offsets[document]; i < data->offsets[document + 1]; i++)
        *out++ = (data->weights[i] > 0 ? trained : plain)[data->ids[i]];
    *out = '\0';
}

static void expect(const char *ending, const char *content, const struct dataset_options *options,
                   size_t count, const char *const *documents)
{
    struct dataset data;
    struct error err = ERROR_INIT;
    char text[256];
    if (load(&data, ending, content, strlen(content), options, &err) != 0)
        fail_msg("%s", err.text);
    assert_int_equal(data.documents, count);
    assert_int_equal(data.tokens, data.offsets[count]);
    assert_int_equal(strlen(data.fingerprint), 32);
    for (size_t i = 0; i < count; i++) {
        spell(&data, i, text);
        assert_string_equal(text, documents[i]);
    }
    dataset_free(&data);
}

static const struct dataset_options defaults = {0};

static void reads_texts(void **state)
{
    (void)state;
    const struct dataset_options marked = {.mark = "##"};
    expect(".txt", "ab\ncd\n", &defaults, 1, (const char *[]){"<AB|CD|{"});
    expect(".txt",
           "\xEF\xBB\xBF"
           "ab##c####d",
           &marked, 3, (const char *[]){"<AB{", "<C{", "<D{"});
    expect(".jsonl", "{\"text\":\"ab\"}\n\n{\"text\":\"c d\"}\r\n", &defaults, 2,
           (const char *[]){"<AB{", "<C-D{"});
    expect(".json", " [\"ab\", \"c]d\" , {\"text\": \"e\", \"id\": [1]}]\n", &defaults, 3,
           (const char *[]){"<AB{", "<CD{", "<E{"});
    expect(".json", "{\"text\":\"ab\"}\n{\"text\":\"c\"}", &defaults, 2,
           (const char *[]){"<AB{", "<C{"});
    expect(".json", "\n{\n  \"text\": \"a}b\",\n  \"id\": {\"n\": [1]}\n}\n", &defaults, 1,
           (const char *[]){"<AB{"});
}

static void reads_pairs(void **state)
{
    (void)state;
    const struct dataset_options mapped = {.columns = "prompt=q,completion=a"};
    expect(".jsonl", "{\"prompt\":\"ab\",\"completion\":\"cd\"}", &defaults, 1,
           (const char *[]){"<abCD{"});
    expect(".jsonl", "{\"q\":\"x\",\"a\":\"y\",\"text\":\"z\"}", &mapped, 1,
           (const char *[]){"<xY{"});
    const struct dataset_options chatml = {.template_name = "chatml"};
    expect(".json", "[{\"instruction\":\"x\",\"input\":\"y\",\"output\":\"z\"}]", &chatml, 1,
           (const char *[]){"imstartuser/x/yimend/imstartassistant/ZIMEND|"});
}

static void alpaca_without_a_template(void **state)
{
    (void)state;
    struct dataset data;
    char text[512];
    static const char record[] = "[{\"instruction\":\"xx\",\"input\":\"\",\"output\":\"zq\"}]";
    assert_int_equal(load(&data, ".json", record, strlen(record), &defaults, NULL), 0);
    spell(&data, 0, text);
    assert_non_null(strstr(text, "nstruction/xx//_esponse/ZQ{"));
    assert_int_equal(data.supervised, 3);
    assert_false(dataset_all_supervised(&data));
    dataset_free(&data);
}

static void reads_conversations(void **state)
{
    (void)state;
    const struct dataset_options chatml = {.template_name = "chatml"};
    const char *expected[] = {"imstartuser/ximend/imstartassistant/YIMEND|"};
    expect(".jsonl",
           "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"assistant\","
           "\"content\":\"y\"}]}",
           &chatml, 1, expected);
    expect(".json",
           "[{\"conversations\":[{\"from\":\"human\",\"value\":\"x\"},{\"from\":\"gpt\","
           "\"value\":\"y\"}]}]",
           &chatml, 1, expected);
    expect(".jsonl",
           "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"x\"}]},"
           "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"value\":\"y\"}],"
           "\"loss_weight\":1.0}]}",
           &chatml, 1, expected);
}

static void reads_a_system_text_beside_conversations(void **state)
{
    (void)state;
    const struct dataset_options chatml = {.template_name = "chatml"};
    const char *expected[] = {"imstartsystem/simend/imstartuser/ximend/imstartassistant/YIMEND|"};
    const char *plain[] = {"imstartuser/ximend/imstartassistant/YIMEND|"};
#define TURNS "{\"from\":\"human\",\"value\":\"x\"},{\"from\":\"gpt\",\"value\":\"y\"}]"
    expect(".jsonl", "{\"system\":\"s\",\"conversations\":[" TURNS "}", &chatml, 1, expected);
    expect(".jsonl",
           "{\"system\":\"s\",\"conversations\":[{\"from\":\"system\",\"value\":\"s\"}," TURNS "}",
           &chatml, 1, expected);
    expect(".jsonl", "{\"system\":\"\",\"conversations\":[" TURNS "}", &chatml, 1, plain);
    expect(".jsonl", "{\"system\":null,\"conversations\":[" TURNS "}", &chatml, 1, plain);
    const struct dataset_options mapped = {.columns = "conversations=c,system=k",
                                           .template_name = "chatml"};
    expect(".jsonl", "{\"k\":\"s\",\"c\":[" TURNS "}", &mapped, 1, expected);
}

static void refuses_with_file_and_line(void **state)
{
    (void)state;
    const struct dataset_options chatml = {.template_name = "chatml"};
    const struct dataset_options wrong_column = {.columns = "promt=q"};
    static const struct {
        const char *ending, *content, *says;
    } bad[] = {
        {".jsonl", "{\"text\":\"ab\"}\n{\"text\":", ".jsonl:2: "},
        {".jsonl", "{\"text\":\"ab\"}\n\n{\"txt\":\"b\", \"x\\u009b\":1}",
         "; there are: \"txt\", \"x?\""},
        {".jsonl", "{\"text\":3}", "not a text"},
        {".jsonl", "{\"prompt\":\"a\"}", "no \"completion\""},
        {".jsonl", "[1]", "expected an object"},
        {".json", "[\n\"ab\"\n\"cd\"]",
         ".json:3: not valid JSON, column 1: \"\"\" after its end; a comma is missing"},
        {".json", "[\"ab\",\n\"cd", "cut off"},
        {".json", "[\"ab\"] x", "nothing after"},
        {".json", "\"ab\"", "an array"},
        {".json", "{\n\"text\": \"ab\"\n}\n{\n\"text\": \"ab\"\n}",
         ".json:4: expected nothing after"},
        {".json", "[{\"text\":\"ab\"} {}]",
         "column 16: \"{\" where a comma or the end of an array"},
        {".json", "{\n\"text\": \"ab\"", ".json:2: "},
        {".jsonl", "{\"system\":1,\"conversations\":[]}", "\"system\" is not a text"},
        {".jsonl", "{\"text\":\"ab\"}", "--template chatml has nothing to write"},
        {".txt", "", "no text"},
        {".txt", "ab\xff", ".txt:1: not UTF-8, byte 2 is 0xFF"},
        {".csv", "a,b", "to_json"},
        {".yaml", "a: b", "data files end in"},
        {".parquet", "PAR1....", "to_json"},
        {".arrow", "ARROW1..", "to_json"},
        {".jsonl", "\x1f\x8b..", "gzip data is damaged"},
        {".jsonl", "{\"messages\":[{\"role\":\"bard2\",\"content\":\"x\"}]}", "\"bard2\""},
        {".jsonl", "{\"messages\":[{\"role\":\"user\"}]}", "message 1"},
        {".jsonl", "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}", "token to learn"},
        {".jsonl", "{\"prompt\":\"a\",\"completion\":\"b\",\"label\":false}",
         "1 have a label that says false"},
        {".jsonl", "{\"messages\":[]}", "without messages"},
        {".jsonl", "{\"messages\":[7]}", "message 1"},
        {".jsonl", "{\"messages\":\"x\"}", "not an array"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct dataset data;
        struct error err = ERROR_INIT;
        assert_int_equal(
            load(&data, bad[i].ending, bad[i].content, strlen(bad[i].content), &chatml, &err), -1);
        if (!strstr(err.text, bad[i].says))
            fail_msg("\"%s\" does not say \"%s\"", err.text, bad[i].says);
    }
    struct dataset data;
    struct error err = ERROR_INIT;
    assert_int_equal(load(&data, ".jsonl", "{}", 2, &wrong_column, &err), -1);
    assert_int_equal(err.kind, ERROR_USAGE);
}

/* Columns that no record has and marks that stand nowhere; what one has, be it null, is right. */
static void refuses_names_that_are_nowhere(void **state)
{
    (void)state;
    static const struct {
        const char *ending, *content, *columns, *says, *mark;
    } data[] = {
        {".jsonl", "{\"text\":\"ab\"}", "label=lable", "--columns label=lable: no record", NULL},
        {".jsonl", "{\"text\":\"ab\"}", "text=text,weight=w8", "--columns weight=w8: no record",
         NULL},
        {".jsonl", "\"ab\"", "text=t", "--columns text=t: no record", NULL},
        {".txt", "ab", "prompt=q,completion=a", "--columns prompt=q: no record", NULL},
        {".jsonl", "{\"text\":\"ab\"}\n{\"text\":\"ab\",\"w8\":null}", "weight=w8", NULL, NULL},
        {".jsonl", "{\"text\":\"ab\"}", "weight=,system=", NULL, NULL},
        {".txt", "ab##cd", NULL, NULL, "##"},
        {".txt", "ab##", NULL, NULL, "##"},
        {".txt", "ab\r\ncd", NULL, "--mark zz: it stands nowhere in the .txt files", "zz"},
        {".txt", "ab\r\ncd", NULL, "(where CRLF is read as LF)", "\r\n"},
        {".jsonl", "\"ab\"", NULL, "--mark zz: it", "zz"},
    };
    for (size_t i = 0; i < sizeof data / sizeof *data; i++) {
        struct dataset out, rests;
        struct error err = ERROR_INIT;
        struct dataset_options options = {.columns = data[i].columns, .mark = data[i].mark};
        size_t length = strlen(data[i].content);
        int status = load(&out, data[i].ending, data[i].content, length, &options, &err);
        assert_int_equal(status, data[i].says ? -1 : 0);
        if (data[i].says && !strstr(err.text, data[i].says))
            fail_msg("\"%s\" does not say \"%s\"", err.text, data[i].says);
        options.names_may_rest = true;
        assert_int_equal(load(&rests, data[i].ending, data[i].content, length, &options, &err), 0);
        assert_int_equal(rests.absent.count > 0, data[i].says != NULL);
        if (status == 0) {
            assert_int_equal(dataset_check_absent(&rests, NULL, "x", NULL), 0);
            dataset_free(&out);
        } else {
            assert_int_equal(dataset_check_absent(&rests, NULL, "x", NULL), -1);
            assert_int_equal(dataset_check_absent(&rests, &rests, "x", NULL), -1);
            out = rests;
            out.absent.count = 0;
            assert_int_equal(dataset_check_absent(&rests, &out, "x", NULL), 0);
        }
        dataset_free(&rests);
    }
}

/* Damaged files: an error or a data set, never a crash; the sanitised build looks closer. */
static void survives_damage(void **state)
{
    (void)state;
    static const char good[] =
        "[{\"text\":\"abc\"},{\"prompt\":\"a\",\"completion\":\"b\"},{\"messages\":[{\"role\":"
        "\"user\",\"content\":\"x\"},{\"role\":\"assistant\",\"content\":\"y\"}]}]";
    static const char *const endings[] = {".json", ".jsonl", ".txt"};
    const struct dataset_options chatml = {.mark = "b", .template_name = "chatml"};
    struct random_stream random = {7, 0};
    for (int round = 0; round < 600; round++) {
        char content[sizeof good];
        memcpy(content, good, sizeof good);
        size_t length = 1 + random_below(&random, sizeof good - 1);
        for (uint32_t i = random_below(&random, 4); i > 0; i--)
            content[random_below(&random, (uint32_t)length)] = (char)random_u32(&random);
        struct dataset data;
        struct dataset_options options = chatml;
        options.names_may_rest = true;
        if (load(&data, endings[round % 3], content, length, &options, NULL) == 0)
            dataset_free(&data);
    }
}

/* The shared files, with a real tokenizer. */
static void reads_real_files(void **state)
{
    (void)state;
    TEST_FOLDER_OR_SKIP(shared, "SPECTRUM_SHARED_DATA");
    static const struct {
        const char *name, *columns;
        size_t documents;
        bool all;
    } files[] = {
        {"alpaca_en_demo.json", NULL, 999, false},
        {"c4_demo.jsonl", NULL, 300, true},
        {"gsm8k_train.jsonl", "prompt=question,completion=answer", 7473, false},
        {"fastchat_dummy_conversation.sharegpt.json", NULL, 500, false},
        {"v1_sft_demo.jsonl", NULL, 500, false},
        {"tinyshakespeare.txt", NULL, 1, true},
        {"tinystories_1000.json", NULL, 1000, true},
    };
    struct tokenizer *tokenizer = shared_tokenizer("qwen2.5_hf");
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[1024];
        const char *paths[] = {path};
        const struct dataset_options options = {.columns = files[i].columns};
        struct dataset data;
        struct error err = ERROR_INIT;
        snprintf(path, sizeof path, "%s/text/%s", shared, files[i].name);
        if (dataset_load(&data, paths, 1, &options, tokenizer, &err) != 0)
            fail_msg("%s", err.text);
        assert_int_equal(data.documents, files[i].documents);
        assert_int_equal(dataset_all_supervised(&data), files[i].all);
        dataset_free(&data);
    }
    tokenizer_close(tokenizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_texts),
        cmocka_unit_test(reads_pairs),
        cmocka_unit_test(alpaca_without_a_template),
        cmocka_unit_test(reads_conversations),
        cmocka_unit_test(reads_a_system_text_beside_conversations),
        cmocka_unit_test(refuses_with_file_and_line),
        cmocka_unit_test(refuses_names_that_are_nowhere),
        cmocka_unit_test(survives_damage),
        cmocka_unit_test(reads_real_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
