/* A scan's JSON: read, written in both forms and read back, planned from, exported. */
#include "fuzz.h"

#include "model/score_read.h"
#include "model/score_table.h"
#include "plan/plan_write.h"

static void put_every_format(const struct plan *plan)
{
    struct buffer text = BUFFER_INIT;
    for (int format = PLAN_YAML; format <= PLAN_MS_SWIFT; format++)
        plan_put(&text, plan, (enum plan_format)format, "fuzz.json");
    buffer_free(&text);
}

static void plan_it(const struct scan *scan)
{
    struct plan *plan = NULL;
    size_t of, matched, count, row = 0;
    if (plan_new(&plan, scan, NULL, NULL) != 0)
        return;
    plan_select(plan, 25, PLAN_BY_TYPE, NULL);
    put_every_format(plan);
    plan_select(plan, 50, PLAN_GLOBAL, NULL);
    plan_select(plan, 50, PLAN_TOGETHER, NULL);
    put_every_format(plan);
    plan_set_matching(plan, "layers\\.[0-3]\\.", true, &matched, NULL);
    plan_toggle(plan, &row, scan->count > 0, NULL);
    plan_set_embeddings(plan, false, NULL);
    put_every_format(plan);
    for (size_t i = 0; i < scan->count; i++) {
        plan_rank(plan, i, &of);
        plan_trains(plan, scan->rows[i].module);
    }
    for (size_t n = 0; plan_type_rows(plan, n, &count); n++)
        ;
    plan_counts(plan);
    while (plan_undo(plan))
        ;
    plan_free(plan);
}

static size_t known_rows(const struct scan *scan)
{
    size_t count = 0;
    for (size_t i = 0; i < scan->count; i++)
        count += scan->rows[i].known;
    return count;
}

/* What we write we read: the rows that have a score, and each as it was. */
static void read_back(const struct scan *scan, void (*put)(struct buffer *, const struct scan *))
{
    struct buffer text = BUFFER_INIT, second = BUFFER_INIT;
    struct error err = ERROR_INIT;
    struct scan *again = NULL;
    if (known_rows(scan) == 0)
        return;
    put(&text, scan);
    if (scan_parse(&again, buffer_string(&text), text.length, "again", &err) == 0)
        put(&second, again);
    if (strcmp(buffer_string(&text), buffer_string(&second)) != 0) {
        fprintf(stderr, "written and not read back: %s\n%s%s", err.text, buffer_string(&text),
                buffer_string(&second));
        abort();
    }
    scan_free(again);
    buffer_free(&text);
    buffer_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scan *scan = NULL;
    struct error err = ERROR_INIT;
    char *text = fuzz_text(data, size);
    if (fuzz_ok(scan_parse(&scan, text, size, "fuzz.json", &err), &err)) {
        read_back(scan, scan_put_json);
        read_back(scan, scan_put_file);
        plan_it(scan);
    }
    scan_free(scan);
    free(text);
    return 0;
}
