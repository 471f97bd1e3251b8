#include "test.h"

#include "base/folder.h"
#include "model/score_read.h"
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
        {"{\"a\": {\"snr\": \"x\", \"type\": \"t\"}}", "not a number"},
        {"{\"a\": {\"snr\": 1}}", "no \"type\""},
        {"{\"a\": {\"snr\": 1, \"type\": \"\"}}", "a name that is empty"},
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

/* What a scan file says of itself can be shown: no controls, no half characters. */
static void its_texts_can_be_shown(void **state)
{
    (void)state;
    struct scan *scan = parse(
        "{\"format\": \"spectrum.scan\", \"version\": 1, \"estimator\": \"\\u001b[31mE\","
        " \"empty_noise\": \"1234567890\u00e9\","
        " \"model\": {\"path\": \"a\\u001b]0;b\\u0007c\", \"fingerprint\": \"../../x\"},"
        " \"modules\": {\"l.0.q\": {\"snr\": 1, \"type\": \"q\", \"rows\": 2, \"cols\": 2,"
        " \"sigma_max\": 1, \"sigma\": 1, \"threshold\": 1, \"signal_count\": 1,"
        " \"noise_count\": 1, \"dtype\": \"\\u001b[5m\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\"}}}");
    assert_string_equal(scan->estimator, "?[31mE");
    assert_string_equal(scan->empty_noise, "1234567890");
    assert_string_equal(scan->model, "a?]0;b?c");
    assert_string_equal(scan->fingerprint, "");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_form),       cmocka_unit_test(refuses_what_is_no_scan),
        cmocka_unit_test(its_texts_can_be_shown), cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(published_scans_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
