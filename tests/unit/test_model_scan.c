#include "checkpoint_data.h"

#include "base/folder.h"
#include "model/model.h"
#include "model/score_read.h"
#include "model/score_rows.h"
#include "model/score_table.h"

#include <dirent.h>
#include <math.h>
#include <string.h>

static struct scan *parse(const char *text)
{
    struct scan *scan = NULL;
    struct error err = ERROR_INIT;
    if (scan_parse(&scan, text, strlen(text), "test", &err) != 0)
        fail_msg("%s", err.text);
    return scan;
}

static void reads_every_form(void **state)
{
    (void)state;
    struct scan *scan = parse("{\"a.1.x\": {\"snr\": Infinity, \"type\": \"x\", \"other\": [1]},"
                              " \"a.2.x\": {\"snr\": NaN, \"type\": \"x\"}}");
    assert_int_equal(scan->count, 2);
    assert_true(isinf(scan->rows[0].snr) && scan->rows[0].known && !scan->rows[0].detailed);
    assert_true(isnan(scan->rows[1].snr));
    assert_ptr_equal(scan_find(scan, "a.2.x.weight"), &scan->rows[1]);
    assert_null(scan_find(scan, "a.2"));
    scan_free(scan);
    scan = parse("{\"mlp.up\": {\"l.0.mlp.up\": 1.5, \"l.1.mlp.up\": Infinity}}");
    assert_int_equal(scan->count, 2);
    assert_string_equal(scan->rows[1].type, "mlp.up");
    scan_free(scan);
}

static void refuses_what_is_no_scan(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"", "empty"},
        {"{}", "no modules in it"},
        {"[]", "object of modules"},
        {"{\"a\": 1}", "no modules in it"},
        {"{\"a\": {\"snr\": \"x\", \"type\": \"t\"}}",
         "module \"a\": \"snr\" is \"x\", and must be a number"},
        {"{\"a\": {\"snr\": 1}}", "no \"type\""},
        {"{\"a\": {\"snr\": 1, \"type\": \"\"}}", "\"type\" is \"\", which is none"},
        {"{\"a\": {\"snr\": 1, \"type\": 7}}", "\"type\" is 7, and must be a text"},
        {"{\"a\": {\"type\": \"t\"}}", "module \"a\": it has no \"snr\""},
        {"{\"\": {\"snr\": 1, \"type\": \"t\"}}", "\"\" is no name of a module"},
        {"{\"format\": \"spectrum.scan\", \"version\": 1, \"modules\": [{\"snr\": 1, \"type\": "
         "\"t\"}]}",
         "\"modules\" must be an object"},
        {"{\"format\": \"spectrum.scan\", \"version\": 1, \"model\": 5, \"modules\": {}}",
         "the scan: \"model\" is 5, and must be an object"},
        {"{\"a\": {\"m\": 1}, \"b\": {\"m\": 2}}", "module \"m\" is there twice"},
        {"{\"format\": \"spectrum.scan\", \"version\": 2, \"modules\": {}}", "version 2"},
        {"{\"format\": \"else\", \"version\": 1}", "else"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct scan *scan = NULL;
        struct error err = ERROR_INIT;
        assert_int_equal(scan_parse(&scan, bad[i].text, strlen(bad[i].text), "test", &err), -1);
        if (!strstr(err.text, bad[i].says))
            fail_msg("\"%s\" does not say \"%s\"", err.text, bad[i].says);
    }
}

/* One member that is wrong is refused by its name and its module's: not another thing is said, and
 * nothing is left out in silence. */
static void a_wrong_member_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *row, *model, *says; /* members beside those that are right */
    } bad[] = {
        {"\"rows\": \"2\", \"cols\": 3", "",
         "module \"l.0.q\": \"rows\" is \"2\", and must be a whole"},
        {"\"rows\": -2, \"cols\": 3", "", "\"rows\" is -2"},
        {"\"rows\": 2", "", "module \"l.0.q\": it has no \"cols\""},
        {"\"rows\": 4000000, \"cols\": 4000000", "", "at most 2^42"},
        {"\"rows\": 2, \"cols\": 3, \"parameters\": 5", "",
         "\"parameters\" is 5, and must be the product of \"rows\" and \"cols\""},
        {"\"bias\": 1.5", "", "\"bias\" is 1.5"},
        {"\"bare\": \"yes\"", "", "\"bare\" is \"yes\", and must be true or false"},
        {"\"file\": \"a\\nb\"", "", "and must be a name"},
        {"\"dtype\": 5", "", "\"dtype\" is 5, and must be a text"},
        {"\"null_snr\": \"x\"", "", "\"null_snr\" is \"x\", and must be a number"},
        {"\"snr_mp\": null, \"snr_mp_kind\": \"large\"", "", "\"snr_mp_kind\" is \"large\""},
        {"\"spikes\": -1", "", "\"spikes\" is -1"},
        {"\"tensor\": \"t\"", "", "it has no \"tensor_parameters\""},
        {"\"tensor\": \"t\", \"tensor_parameters\": 9, \"expert\": -1", "", "\"expert\" is -1"},
        {"\"tensor\": \"t\", \"tensor_parameters\": 9, \"expert\": 3", "",
         "\"expert\" is 3, and must be the number in its \"type\""},
        {"\"expert\": 3", "", "module \"l.0.q\": it has no \"tensor\""},
        {"\"tensor_parameters\": 9", "", "module \"l.0.q\": it has no \"tensor\""},
        {"\"rows\": 2, \"cols\": 3, \"tensor\": \"t\", \"tensor_parameters\": 5", "",
         "must be at most 5, the values of the tensor"},
        {"\"rows\": 2, \"cols\": 3, \"spikes\": 3", "", "\"spikes\" is 3, and must be at most 2"},
        {"\"rows\": 2, \"cols\": 3, \"signal_count\": 3", "",
         "\"signal_count\" is 3, and must be at most 2, as many singular values"},
        {"\"rows\": 2, \"cols\": 3, \"signal_count\": 1, \"noise_count\": 2", "",
         "\"noise_count\" is 2, and must be at most 1"},
        {"\"rows\": 2, \"cols\": 3, \"bias\": 7", "", "\"bias\" is 7, and must be at most 6"},
        {"\"bare\": true",
         "\"names\": \"file\", \"parameters\": 5, \"tied\": true, \"scored_parameters\": 6",
         "\"model\": \"scored_parameters\" is 6, and must be a whole number from 0 to 5"},
        {"\"bare\": true",
         "\"names\": \"file\", \"parameters\": 5, \"tied\": true, \"ends\": [{\"tensor\": \"e\", "
         "\"parameters\": 1}, {\"tensor\": \"e\", \"parameters\": 1}]",
         "\"tensor\" is \"e\", and must be among the \"ends\" once"},
        {"\"bare\": true", "\"names\": \"odd\", \"parameters\": 5, \"tied\": true",
         "\"model\": \"names\" is \"odd\", and must be \"standard\""},
        {"\"bare\": true", "\"names\": \"file\", \"parameters\": 0, \"tied\": true",
         "\"model\": \"parameters\" is 0"},
        {"\"bare\": true", "\"names\": \"file\", \"parameters\": 5",
         "\"model\": it has no \"tied\""},
        {"\"bare\": true", "\"names\": \"file\", \"parameters\": 5, \"tied\": 1", "\"tied\" is 1"},
        {"\"bare\": true", "\"parameters\": 5, \"tied\": true", "\"model\": it has no \"names\""},
        {"\"bare\": true", "\"names\": \"file\", \"parameters\": 5, \"tied\": true, \"ends\": 5",
         "\"ends\" is 5, and must be a list"},
        {"\"bare\": true",
         "\"names\": \"file\", \"parameters\": 5, \"tied\": true, \"ends\": [{\"tensor\": \"e\"}]",
         "an entry of \"ends\" \"e\": it has no \"parameters\""},
        {"\"bare\": true",
         "\"names\": \"file\", \"parameters\": 5, \"tied\": true, \"omissions\": [{\"first\": "
         "\"e\", "
         "\"count\": 0}]",
         "an entry of \"omissions\" \"e\": \"count\" is 0"},
        {"\"bare\": true", "\"fingerprint\": \"../../x\"",
         "\"model\": \"fingerprint\" is \"../../x\""},
        {"\"bare\": true", "\"estimator\": []", "\"estimator\" is [], and must be a text"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct scan *scan = NULL;
        struct error err = ERROR_INIT;
        char text[512];
        snprintf(text, sizeof text,
                 "{\"l.0.q\": {\"snr\": 1, \"type\": \"q\", %s, \"model\": {%s}}, "
                 "\"l.1.q\": {\"snr\": 1, \"type\": \"q\"}}",
                 bad[i].row, bad[i].model);
        if (scan_parse(&scan, text, strlen(text), "test", &err) == 0)
            fail_msg("%s is read", text);
        if (!strstr(err.text, bad[i].says))
            fail_msg("\"%s\" does not say \"%s\"", err.text, bad[i].says);
    }
    scan_free(parse(
        "{\"a.0.q\": {\"snr\": 1, \"type\": \"q\", \"rows\": null, \"model\": {\"other\": 1}}}"));
}

/* What a scan file says of itself can be shown: no controls, no half characters. */
static void its_texts_can_be_shown(void **state)
{
    (void)state;
    struct scan *scan = parse(
        "{\"format\": \"spectrum.scan\", \"version\": 1, \"estimator\": \"\\u001b[31mE\","
        " \"empty_noise\": \"1234567890\u00e9\","
        " \"model\": {\"path\": \"a\\u001b]0;b\\u0007c\"},"
        " \"modules\": {\"l.0.q\": {\"snr\": 1, \"type\": \"q\", \"rows\": 2, \"cols\": 2,"
        " \"sigma_max\": 1, \"sigma\": 1, \"threshold\": 1, \"signal_count\": 1,"
        " \"noise_count\": 1, \"dtype\": \"\\u001b[5m\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\"}}}");
    assert_string_equal(scan->estimator, "?[31mE");
    assert_string_equal(scan->empty_noise, "1234567890");
    assert_string_equal(scan->model, "a?]0;b?c");
    assert_true(scan->rows[0].detailed);
    /* It has none of the measures: they are not known, not 0. */
    assert_int_equal(scan->rows[0].spikes, -1);
    assert_true(isnan(scan->rows[0].frobenius) && isnan(scan->rows[0].null_snr_mp));
    assert_string_equal(scan->rows[0].dtype, "?[5m\u00e9\u00e9\u00e9\u00e9\u00e9");
    scan_free(scan);
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    struct scan_row rows[] = {
        {.module = "m.0.q",
         .type = "q",
         .known = true,
         .snr = 1.0 / 3,
         .detailed = true,
         .rows = 3,
         .cols = 4,
         .parameters = 12,
         .sigma_max = 2.5,
         .sigma = 0.1,
         .threshold = 0.2,
         .signal_count = 2,
         .noise_count = 1,
         .null_snr = 0.79,
         .degenerate = true,
         .degenerate_reason = "only 1 noise value",
         .snr_mp = NAN,
         .null_snr_mp = 0,
         .snr_gavish_donoho = INFINITY,
         .null_snr_gavish_donoho = NAN,
         .frobenius = 3.25,
         .stable_rank = 1.69,
         .effective_rank = NAN,
         .spike_edge = 2.25,
         .spikes = 1,
         .dtype = "BF16"},
        {.module = "m.1.\"q\\", .type = "q", .known = true, .snr = INFINITY},
        {.module = "m.2.q", .type = "q"},
        {.module = "m.3.q", .type = "q", .known = true, .snr = NAN},
    };
    struct scan scan = {
        .rows = rows, .count = 4, .estimator = "reference", .empty_noise = "infinity"};
    for (int strict = 0; strict < 2; strict++) {
        struct buffer out = BUFFER_INIT;
        (strict ? scan_put_json : scan_put_file)(&out, &scan);
        struct scan *back = parse(buffer_string(&out));
        assert_int_equal(back->count, 3);
        assert_true(back->rows[0].snr == rows[0].snr && back->rows[0].detailed);
        assert_true(back->rows[0].null_snr == 0.79 && isnan(back->rows[0].snr_mp));
        assert_true(back->rows[0].degenerate && back->rows[0].parameters == 12);
        assert_string_equal(back->rows[0].degenerate_reason, "only 1 noise value");
        assert_true(back->rows[0].null_snr_mp == 0 && isnan(back->rows[0].null_snr_gavish_donoho));
        assert_true(isinf(back->rows[0].snr_gavish_donoho));
        assert_true(back->rows[0].frobenius == 3.25 && back->rows[0].stable_rank == 1.69);
        assert_true(isnan(back->rows[0].effective_rank) && back->rows[0].spike_edge == 2.25);
        assert_int_equal(back->rows[0].spikes, 1);
        assert_null(strstr(out.data, "effective_rank"));
        assert_string_equal(back->rows[1].module, rows[1].module);
        assert_true(isinf(back->rows[1].snr) && isnan(back->rows[2].snr));
        if (strict) {
            assert_null(strstr(out.data, "Infinity"));
            assert_null(strstr(out.data, "NaN"));
        }
        scan_free(back);
        buffer_free(&out);
    }
}

static void published_scans_open(void **state)
{
    (void)state;
    TEST_FOLDER_OR_SKIP(shared, "SPECTRUM_SHARED_DATA");
    char *folder = path_join(shared, "published-scans", NULL);
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.')
            continue;
        char *path = path_join(folder, entry->d_name, NULL);
        struct scan *scan = NULL;
        struct error err = ERROR_INIT;
        if (scan_read(&scan, path, &err) != 0)
            fail_msg("%s", err.text);
        assert_true(scan->count > 100);
        scan_free(scan);
        free(path);
        count++;
    }
    assert_int_equal(count, 7);
    closedir(dir);
    free(folder);
}

/* Of a model that is made of these tensors: the modules that would be scored, and what is said of
 * it. */
static void assert_rows(const char *config, const char *const *tensors, const char *pattern,
                        const char *modules, const char *first, const char *notes)
{
    const struct scan_choice choice = {.modules = pattern};
    struct model *model = NULL;
    struct scan *scan = NULL;
    struct error err = ERROR_INIT;
    char *folder = data_folder(), found[200] = "";
    data_checkpoint(folder, config, tensors, NULL);
    if (model_open(&model, folder, &err) != 0 ||
        scan_for_model(&scan, NULL, model, &choice, &err) != 0)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < scan->count; i++)
        snprintf(found + strlen(found), sizeof found - strlen(found), "%s ", scan->rows[i].module);
    assert_string_equal(found, modules);
    if (first) {
        assert_int_equal(scan->of.omission_count, 1);
        assert_string_equal(scan->of.omissions[0].first, first);
        assert_non_null(strstr(scan->of.omissions[0].reason, "a quantiser's scales"));
    }
    if (notes ? !strstr(model_notes(model), notes) : strstr(model_notes(model), "experts") != NULL)
        fail_msg("\"%s\" is not in \"%s\"", notes ? notes : "", model_notes(model));
    scan_free(scan);
    model_close(model);
    data_folder_remove(folder);
}

/* Scales that stand alone are no weights, whatever pattern finds them, and are said. */
static void scales_without_codes_are_no_rows(void **state)
{
    (void)state;
    static const char *const tensors[DATA_TENSORS_MAX] = {
        "m.layers.0.q.weight F32 [2,2] 16", "m.layers.0.k.weight_scale F32 [2,2] 16",
        "m.layers.0.v.weight_scale_inv F32 [2,2] 16", "m.layers.0.norm.weight F32 [2] 8",
        "m.layers.0.norm.scales F32 [2,2] 16"};
    const char *first = "m.layers.0.k.weight_scale";
    static const char config[] = "{\"quantization_config\": {\"quant_method\": \"fp8\"}}";
    assert_rows(config, tensors, NULL, "m.layers.0.q ", first, NULL);
    assert_rows(config, tensors, "q|norm.scales|weight_scale", "m.layers.0.q ", NULL, NULL);
    /* whatever a plain model calls "scales" may be a weight */
    assert_rows("{}", tensors, NULL, "m.layers.0.q m.layers.0.norm.scales ", first, NULL);
}

/* As many experts as the configuration says, in tensors of their own. */
static void another_number_of_experts_is_said(void **state)
{
    (void)state;
    static const char *const tensors[DATA_TENSORS_MAX] = {
        "m.layers.0.experts.0.w1.weight F32 [2,2] 16",
        "m.layers.0.experts.1.w1.weight F32 [2,2] 16",
        "m.layers.1.experts.0.w1.weight F32 [2,2] 16",
        "m.layers.1.experts.1.w1.weight F32 [2,2] 16"};
    static const char rows[] = "m.layers.0.experts.0.w1 m.layers.0.experts.1.w1 "
                               "m.layers.1.experts.0.w1 m.layers.1.experts.1.w1 ";
    assert_rows("{\"num_local_experts\": 2}", tensors, NULL, rows, NULL, NULL);
    assert_rows("{\"num_local_experts\": 8}", tensors, NULL, rows, NULL,
                "m.layers.0.experts.0.w1.weight, the first of 2 such, is of 2 experts, and "
                "\"num_local_experts\" in the configuration is 8");
    assert_rows("{\"num_experts\": 1}", tensors, NULL, rows, NULL,
                "is of 2 experts, and \"num_experts\" in the configuration is 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_form),
        cmocka_unit_test(refuses_what_is_no_scan),
        cmocka_unit_test(a_wrong_member_is_named),
        cmocka_unit_test(its_texts_can_be_shown),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(published_scans_open),
        cmocka_unit_test(scales_without_codes_are_no_rows),
        cmocka_unit_test(another_number_of_experts_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
