#include "text_data.h"

#include "text/packing.h"

enum { SEQ_LEN = 8, DOCUMENTS = 23 };

/* Document d holds 1000 * d + 0, 1, 2, ...; its first third is not supervised. */
struct fixture {
    int32_t ids[1024];
    uint8_t mask[1024];
    uint64_t offsets[DOCUMENTS + 1];
    size_t all[DOCUMENTS];
    struct dataset data;
};

static void fill(struct fixture *f)
{
    uint64_t at = 0;
    for (size_t d = 0; d < DOCUMENTS; d++) {
        uint64_t length = 2 + d * 7 % 19;
        f->all[d] = d;
        f->offsets[d] = at;
        for (uint64_t i = 0; i < length; i++, at++) {
            f->ids[at] = (int32_t)(1000 * d + i);
            f->mask[at] = i >= length / 3;
        }
    }
    f->offsets[DOCUMENTS] = at;
    f->data = (struct dataset){f->ids, f->mask, f->offsets, DOCUMENTS, at, 0, "", NULL, 0, NULL};
}

static struct packing *pack(const struct fixture *f, uint64_t seed, bool shuffle)
{
    struct packing *packing;
    assert_int_equal(
        packing_new(&packing, &f->data, f->all, DOCUMENTS, SEQ_LEN, seed, shuffle, -7, NULL), 0);
    return packing;
}

/* What every batch promises: documents cover it, positions restart, targets follow the ids. */
static void check_batch(const struct fixture *f, const struct batch *batch)
{
    int64_t supervised = 0;
    assert_int_equal(batch->offsets[0], 0);
    assert_int_equal(batch->offsets[batch->documents], batch->tokens);
    for (int d = 0; d < batch->documents; d++) {
        int from = batch->offsets[d], to = batch->offsets[d + 1];
        assert_true(from < to);
        assert_int_equal(from / SEQ_LEN, (to - 1) / SEQ_LEN); /* inside one row */
        for (int i = from; i < to; i++) {
            int32_t id = batch->ids[i], document = id / 1000, index = id % 1000;
            assert_int_equal(batch->positions[i], i - from);
            if (id == -7) {
                assert_int_equal(batch->targets[i], -1);
                continue;
            }
            assert_int_equal(id, batch->ids[from] + i - from);
            uint64_t next = f->offsets[document] + (uint64_t)index + 1;
            bool counts = next < f->offsets[document + 1] && f->mask[next];
            assert_int_equal(batch->targets[i], counts ? id + 1 : -1);
            supervised += counts;
        }
    }
    assert_int_equal(batch->supervised, supervised);
}

static void every_token_once_an_epoch(void **state)
{
    (void)state;
    struct fixture f;
    struct batch batch;
    fill(&f);
    struct packing *packing = pack(&f, 5, true);
    assert_int_equal(batch_alloc(&batch, 3, SEQ_LEN, NULL), 0);
    uint64_t seen = 0, supervised = 0;
    for (int rows; (rows = packing_next_in_epoch(packing, &batch, 3, NULL)) > 0;) {
        check_batch(&f, &batch);
        for (int64_t i = 0; i < batch.tokens; i++)
            seen += batch.targets[i] >= 0 ? (uint64_t)batch.targets[i] : 0;
        supervised += (uint64_t)batch.supervised;
    }
    uint64_t expected = 0, count = 0;
    for (size_t d = 0; d < DOCUMENTS; d++)
        for (uint64_t i = f.offsets[d] + 1; i < f.offsets[d + 1]; i++)
            if (f.mask[i]) {
                expected += (uint64_t)f.ids[i];
                count++;
            }
    assert_int_equal(seen, expected);
    assert_int_equal(supervised, count);
    assert_int_equal(packing_next_in_epoch(packing, &batch, 3, NULL), 0);
    batch_free(&batch);
    packing_free(packing);
}

/* A document that a row can hold is in one piece; a longer one is cut at whole rows only. */
static void documents_are_whole(void **state)
{
    (void)state;
    struct fixture f;
    struct batch batch;
    int64_t tokens = 0, rows = 0;
    size_t longer = 0;
    fill(&f);
    struct packing *packing = pack(&f, 5, false);
    assert_int_equal(batch_alloc(&batch, 1, SEQ_LEN, NULL), 0);
    while (packing_next_in_epoch(packing, &batch, 1, NULL) > 0) {
        rows++;
        for (int d = 0; d < batch.documents; d++) {
            int32_t id = batch.ids[batch.offsets[d]], begin = id % 1000, document = id / 1000;
            if (id == -7)
                continue;
            int64_t length = (int64_t)(f.offsets[document + 1] - f.offsets[document]);
            int64_t left = length - begin, size = batch.offsets[d + 1] - batch.offsets[d];
            assert_int_equal(begin % SEQ_LEN, 0);
            assert_int_equal(size, left < SEQ_LEN ? left : SEQ_LEN);
            tokens += size;
        }
    }
    for (size_t d = 0; d < DOCUMENTS; d++)
        longer += f.offsets[d + 1] - f.offsets[d] > SEQ_LEN;
    assert_int_equal(packing_cut_documents(packing), longer);
    assert_int_equal(packing_rows(packing), rows);
    assert_true(tokens > rows * SEQ_LEN * 9 / 10); /* little is padding */
    batch_free(&batch);
    packing_free(packing);
}

/* From any position, the same rows again, over epochs' ends too. */
static void resumes_exactly(void **state)
{
    (void)state;
    enum { STEPS = 60 };
    struct fixture f;
    struct batch batch, again;
    struct packing_position positions[STEPS];
    static int32_t ids[STEPS][2 * SEQ_LEN];
    fill(&f);
    struct packing *packing = pack(&f, 11, true);
    assert_int_equal(batch_alloc(&batch, 2, SEQ_LEN, NULL), 0);
    assert_int_equal(batch_alloc(&again, 2, SEQ_LEN, NULL), 0);
    for (int i = 0; i < STEPS; i++) {
        positions[i] = packing_position(packing);
        assert_int_equal(packing_next(packing, &batch, 2, NULL), 0);
        check_batch(&f, &batch);
        memcpy(ids[i], batch.ids, sizeof ids[i]);
    }
    assert_true(positions[STEPS - 1].epoch >= 2);
    packing_free(packing);
    packing = pack(&f, 11, true);
    for (int i = STEPS - 1; i >= 0; i--) {
        packing_seek(packing, positions[i]);
        assert_int_equal(packing_next(packing, &again, 2, NULL), 0);
        assert_memory_equal(again.ids, ids[i], sizeof ids[i]);
    }
    batch_free(&batch);
    batch_free(&again);
    packing_free(packing);
}

static void first_ids(const struct fixture *f, uint64_t seed, uint64_t epoch, int32_t *out)
{
    struct batch batch;
    struct packing *packing = pack(f, seed, true);
    assert_int_equal(batch_alloc(&batch, 4, SEQ_LEN, NULL), 0);
    packing_seek(packing, (struct packing_position){epoch, 0});
    assert_int_equal(packing_next(packing, &batch, 4, NULL), 0);
    memcpy(out, batch.ids, 4 * SEQ_LEN * sizeof *out);
    batch_free(&batch);
    packing_free(packing);
}

static void seeds_and_epochs_differ(void **state)
{
    (void)state;
    struct fixture f;
    int32_t one[4 * SEQ_LEN], two[4 * SEQ_LEN], three[4 * SEQ_LEN];
    fill(&f);
    first_ids(&f, 1, 0, one);
    first_ids(&f, 2, 0, two);
    first_ids(&f, 1, 1, three);
    assert_memory_not_equal(one, two, sizeof one);
    assert_memory_not_equal(one, three, sizeof one);
}

static void refuses_nothing_to_learn(void **state)
{
    (void)state;
    struct fixture f;
    struct packing *packing;
    struct batch batch;
    struct error err = ERROR_INIT;
    fill(&f);
    memset(f.mask, 0, sizeof f.mask);
    for (size_t d = 0; d < DOCUMENTS; d++)
        f.mask[f.offsets[d]] = 1; /* a first token is no target */
    assert_int_equal(packing_new(&packing, &f.data, f.all, DOCUMENTS, SEQ_LEN, 0, true, 0, &err),
                     -1);
    assert_non_null(strstr(err.text, "supervised"));
    assert_int_equal(batch_alloc(&batch, INT64_MAX / 4, INT64_MAX / 4, &err), -1);
    assert_int_equal(batch_alloc(&batch, 0, SEQ_LEN, &err), -1);
}

static void rows_without_targets_are_passed_over(void **state)
{
    (void)state;
    struct fixture f;
    struct batch batch;
    fill(&f);
    memset(f.mask, 0, sizeof f.mask);
    f.mask[f.offsets[20] + 1] = 1;
    struct packing *packing = pack(&f, 3, true);
    assert_int_equal(batch_alloc(&batch, 3, SEQ_LEN, NULL), 0);
    assert_int_equal(packing_next(packing, &batch, 3, NULL), 0);
    check_batch(&f, &batch);
    assert_int_equal(batch.supervised, 3);
    assert_true(packing_position(packing).epoch >= 2);
    batch_free(&batch);
    packing_free(packing);
}

/* How often each document comes in an epoch, counted by its first token. */
static void count_documents(const struct fixture *f, uint64_t epoch, int counts[DOCUMENTS])
{
    struct batch batch;
    struct packing *packing = pack(f, 21, true);
    memset(counts, 0, DOCUMENTS * sizeof *counts);
    assert_int_equal(batch_alloc(&batch, 1, SEQ_LEN, NULL), 0);
    packing_seek(packing, (struct packing_position){epoch, 0});
    while (packing_next_in_epoch(packing, &batch, 1, NULL) > 0) {
        check_batch(f, &batch);
        for (int64_t i = 0; i < batch.tokens; i++)
            if (batch.ids[i] >= 0 && batch.ids[i] % 1000 == 0)
                counts[batch.ids[i] / 1000]++;
    }
    batch_free(&batch);
    packing_free(packing);
}

/* Of 23 documents, sources of 4, 10, 0 and 9. */
static void weigh(struct fixture *f, struct dataset_source sources[4], double a, double b, double c)
{
    static const size_t ends[] = {4, 14, 14, DOCUMENTS};
    const double weights[] = {a, b, 7.5, c};
    fill(f);
    for (int s = 0; s < 4; s++)
        sources[s] = (struct dataset_source){.end = ends[s], .weight = weights[s]};
    f->data.sources = sources;
    f->data.source_count = 4;
}

static void weights_say_how_often_documents_come(void **state)
{
    (void)state;
    struct fixture f;
    struct dataset_source sources[4];
    int counts[DOCUMENTS], again[DOCUMENTS], all[DOCUMENTS] = {0}, differ = 0;
    weigh(&f, sources, 2, 1.3, 0.5);
    for (uint64_t epoch = 0; epoch < 20; epoch++) {
        int sum[3] = {0};
        count_documents(&f, epoch, counts);
        count_documents(&f, epoch, again);
        assert_memory_equal(counts, again, sizeof counts);
        for (size_t d = 0; d < DOCUMENTS; d++) {
            int source = d < 4 ? 0 : d < 14 ? 1 : 2;
            static const int least[] = {2, 1, 0}, most[] = {2, 2, 1};
            assert_in_range(counts[d], least[source], most[source]);
            sum[source] += counts[d];
            all[d] += counts[d];
        }
        assert_int_equal(sum[0], 8);
        assert_int_equal(sum[1], 13);
        assert_int_equal(sum[2], epoch % 2 ? 4 : 5);
        count_documents(&f, epoch + 1, again);
        differ += memcmp(counts, again, sizeof counts) != 0;
    }
    assert_int_equal(differ, 20);
    for (size_t d = 0; d < DOCUMENTS; d++) /* over the epochs, each as often as the others */
        assert_int_equal(all[d], d < 4 ? 40 : d < 14 ? 26 : 10);
}

/* To the token: the same rows as without weights, in several epochs; and in order, without
 * shuffling, whatever the weights are. */
static void weights_of_1_change_nothing(void **state)
{
    (void)state;
    struct fixture plain, weighted;
    struct dataset_source sources[4];
    struct batch a, b;
    assert_int_equal(batch_alloc(&a, 3, SEQ_LEN, NULL), 0);
    assert_int_equal(batch_alloc(&b, 3, SEQ_LEN, NULL), 0);
    for (int turn = 0; turn < 3; turn++) {
        bool shuffle = turn < 2, same = turn != 1;
        int equal = 0;
        fill(&plain);
        weigh(&weighted, sources, same && shuffle ? 1 : 2, 1, 1);
        sources[2].weight = 1;
        struct packing *p = pack(&plain, 4, shuffle), *w = pack(&weighted, 4, shuffle);
        for (int i = 0; i < 40; i++) {
            assert_int_equal(packing_next(p, &a, 3, NULL), 0);
            assert_int_equal(packing_next(w, &b, 3, NULL), 0);
            equal += memcmp(a.ids, b.ids, (size_t)a.tokens * sizeof *a.ids) == 0;
        }
        assert_int_equal(equal == 40, same);
        packing_free(p);
        packing_free(w);
    }
    batch_free(&a);
    batch_free(&b);
}

/* An epoch can be without a row; the next has one. Huge epochs come from a file. */
static void small_weights_and_large_epochs(void **state)
{
    (void)state;
    struct fixture f;
    struct dataset_source sources[4];
    struct batch batch;
    weigh(&f, sources, 0.0001, 0.0001, 0.0001);
    struct packing *packing = pack(&f, 4, true);
    assert_int_equal(packing_rows(packing) > 0, true);
    assert_int_equal(batch_alloc(&batch, 1, SEQ_LEN, NULL), 0);
    for (int i = 0; i < 30; i++) {
        assert_int_equal(packing_next(packing, &batch, 1, NULL), 0);
        assert_true(batch.supervised > 0);
    }
    assert_true(packing_position(packing).epoch > 1);
    packing_seek(packing, (struct packing_position){UINT64_C(1) << 53, 0});
    packing_free(packing);
    batch_free(&batch);
}

static void splits_for_evaluation(void **state)
{
    (void)state;
    struct fixture f;
    size_t *train, *eval, train_count, eval_count;
    bool seen[DOCUMENTS] = {false};
    struct error err = ERROR_INIT;
    fill(&f);
    assert_int_equal(dataset_split(&f.data, 0.2, 9, &train, &train_count, &eval, &eval_count, &err),
                     0);
    assert_int_equal(eval_count, 5);
    assert_int_equal(train_count, DOCUMENTS - 5);
    for (size_t i = 0; i < train_count + eval_count; i++) {
        size_t document = i < train_count ? train[i] : eval[i - train_count];
        assert_false(seen[document]);
        seen[document] = true;
    }
    free(train);
    free(eval);
    f.data.documents = 1;
    assert_int_equal(dataset_split(&f.data, 0.2, 9, &train, &train_count, &eval, &eval_count, &err),
                     -1);
    assert_non_null(strstr(err.text, "--eval-data"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_token_once_an_epoch),
        cmocka_unit_test(documents_are_whole),
        cmocka_unit_test(resumes_exactly),
        cmocka_unit_test(seeds_and_epochs_differ),
        cmocka_unit_test(refuses_nothing_to_learn),
        cmocka_unit_test(rows_without_targets_are_passed_over),
        cmocka_unit_test(weights_say_how_often_documents_come),
        cmocka_unit_test(weights_of_1_change_nothing),
        cmocka_unit_test(small_weights_and_large_epochs),
        cmocka_unit_test(splits_for_evaluation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
