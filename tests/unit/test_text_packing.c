#include "text_data.h"

#include "text/packing/packing.h"

enum { SEQ_LEN = 8, DOCUMENTS = 23 };

/* Document d holds 1000 * d + 0, 1, 2, ...; its first third is not supervised. */
struct fixture {
    int32_t ids[1024];
    float weights[1024];
    uint64_t offsets[DOCUMENTS + 1];
    uint8_t kinds[DOCUMENTS];
    struct dataset data;
    struct piece_list list;
};

static void fill(struct fixture *f)
{
    uint64_t at = 0;
    for (size_t d = 0; d < DOCUMENTS; d++) {
        uint64_t length = 2 + d * 7 % 19;
        f->offsets[d] = at;
        for (uint64_t i = 0; i < length; i++, at++) {
            f->ids[at] = (int32_t)(1000 * d + i);
            f->weights[at] = i >= length / 3;
        }
    }
    f->offsets[DOCUMENTS] = at;
    memset(f->kinds, 0, sizeof f->kinds);
    f->data = (struct dataset){.ids = f->ids,
                               .weights = f->weights,
                               .offsets = f->offsets,
                               .kinds = f->kinds,
                               .documents = DOCUMENTS,
                               .tokens = at};
}

/* Lists the pieces anew: to be freed with unpack(). */
static struct packing *pack(struct fixture *f, uint64_t seed, bool shuffle)
{
    struct packing *packing;
    assert_int_equal(pieces_list(&f->list, &f->data, SEQ_LEN, LONG_BY_KIND, NULL), 0);
    assert_int_equal(packing_new(&packing, &f->list, seed, shuffle, -7, NULL), 0);
    return packing;
}

static void unpack(struct fixture *f, struct packing *packing)
{
    packing_free(packing);
    pieces_free(&f->list);
}

/* The next batch, of the next epoch where one has ended. */
static void take(struct packing *packing, struct batch *batch, int64_t rows)
{
    int filled;
    while ((filled = packing_next(packing, batch, rows, NULL)) == 0)
        packing_seek(packing, (struct packing_position){packing_position(packing).epoch + 1, 0});
    assert_true(filled > 0);
}

/* What every batch promises: documents cover it, positions restart, targets follow the ids. */
static void check_batch(const struct fixture *f, const struct batch *batch)
{
    int64_t supervised = 0;
    double weight = 0;
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
                assert_true(batch->weights[i] == 0);
                continue;
            }
            assert_int_equal(id, batch->ids[from] + i - from);
            uint64_t next = f->offsets[document] + (uint64_t)index + 1;
            bool counts = next < f->offsets[document + 1] && f->weights[next] > 0;
            assert_int_equal(batch->targets[i], counts ? id + 1 : -1);
            assert_true(batch->weights[i] == (counts ? f->weights[next] : 0));
            supervised += counts;
            weight += counts ? (double)f->weights[next] : 0;
        }
    }
    assert_int_equal(batch->supervised, supervised);
    assert_true(batch->weight == weight);
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
    for (int rows; (rows = packing_next(packing, &batch, 3, NULL)) > 0;) {
        check_batch(&f, &batch);
        for (int64_t i = 0; i < batch.tokens; i++)
            seen += batch.targets[i] >= 0 ? (uint64_t)batch.targets[i] : 0;
        supervised += (uint64_t)batch.supervised;
    }
    uint64_t expected = 0, count = 0;
    for (size_t d = 0; d < DOCUMENTS; d++)
        for (uint64_t i = f.offsets[d] + 1; i < f.offsets[d + 1]; i++)
            if (f.weights[i] > 0) {
                expected += (uint64_t)f.ids[i];
                count++;
            }
    assert_int_equal(seen, expected);
    assert_int_equal(supervised, count);
    assert_int_equal(packing_next(packing, &batch, 3, NULL), 0);
    batch_free(&batch);
    unpack(&f, packing);
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
    while (packing_next(packing, &batch, 1, NULL) > 0) {
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
    assert_int_equal(f.list.counts.split, longer);
    assert_int_equal(packing_rows(packing), rows);
    assert_true(tokens > rows * SEQ_LEN * 9 / 10); /* little is padding */
    batch_free(&batch);
    unpack(&f, packing);
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
        take(packing, &batch, 2);
        check_batch(&f, &batch);
        memcpy(ids[i], batch.ids, sizeof ids[i]);
    }
    assert_true(positions[STEPS - 1].epoch >= 2);
    unpack(&f, packing);
    packing = pack(&f, 11, true);
    for (int i = STEPS - 1; i >= 0; i--) {
        packing_seek(packing, positions[i]);
        take(packing, &again, 2);
        assert_memory_equal(again.ids, ids[i], sizeof ids[i]);
    }
    batch_free(&batch);
    batch_free(&again);
    unpack(&f, packing);
}

static void first_ids(struct fixture *f, uint64_t seed, uint64_t epoch, int32_t *out)
{
    struct batch batch;
    struct packing *packing = pack(f, seed, true);
    assert_int_equal(batch_alloc(&batch, 4, SEQ_LEN, NULL), 0);
    packing_seek(packing, (struct packing_position){epoch, 0});
    take(packing, &batch, 4);
    memcpy(out, batch.ids, 4 * SEQ_LEN * sizeof *out);
    batch_free(&batch);
    unpack(f, packing);
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
    struct batch batch;
    struct error err = ERROR_INIT;
    fill(&f);
    memset(f.weights, 0, sizeof f.weights);
    for (size_t d = 0; d < DOCUMENTS; d++)
        f.weights[f.offsets[d]] = 1; /* a first token is no target */
    assert_int_equal(pieces_list(&f.list, &f.data, SEQ_LEN, LONG_BY_KIND, &err), -1);
    assert_non_null(strstr(err.text, "supervised"));
    assert_int_equal(batch_alloc(&batch, INT64_MAX / 4, INT64_MAX / 4, &err), -1);
    assert_int_equal(batch_alloc(&batch, 0, SEQ_LEN, &err), -1);
}

/* Documents, and parts of them, in which nothing counts take no place in any row: an epoch is one
 * pass over what has a target. */
static void what_has_no_target_takes_no_row(void **state)
{
    (void)state;
    struct fixture f;
    struct batch batch;
    fill(&f);
    memset(f.weights, 0, sizeof f.weights);
    f.weights[f.offsets[20] + 1] = 1;
    f.weights[f.offsets[5] + 9] = 0.5f;
    struct packing *packing = pack(&f, 3, true);
    assert_int_equal(f.list.count, 2);
    assert_int_equal(f.list.counts.without_target, DOCUMENTS - 2);
    assert_int_equal(f.list.counts.supervised, 2);
    assert_int_equal(packing_rows(packing), 2);
    assert_int_equal(batch_alloc(&batch, 3, SEQ_LEN, NULL), 0);
    assert_int_equal(packing_next(packing, &batch, 3, NULL), 2);
    check_batch(&f, &batch);
    assert_int_equal(batch.supervised, 2);
    assert_true(batch.weight == 1.5);
    assert_int_equal(packing_next(packing, &batch, 3, NULL), 0);
    assert_int_equal(packing_steps(packing, 30, 8), 30);
    batch_free(&batch);
    unpack(&f, packing);
}

/* What becomes of documents longer than a row; and a target behind a cut counts only where what
 * follows the cut is there, too. */
static void long_documents_are_as_asked(void **state)
{
    (void)state;
    static const struct {
        enum long_documents how;
        int kind;
        size_t pieces, dropped, truncated, split;
        int64_t targets_of_first;
    } cases[] = {{LONG_BY_KIND, 0, 3, 0, 0, 1, 8},
                 {LONG_BY_KIND, DOCUMENT_PROMPTED, 1, 0, 1, 0, 7},
                 {LONG_SPLIT, 0, 3, 0, 0, 1, 8},
                 {LONG_TRUNCATE, 0, 1, 0, 1, 0, 7},
                 {LONG_TRUNCATE, DOCUMENT_PROMPTED, 1, 0, 1, 0, 7}};
    struct fixture f;
    struct error err = ERROR_INIT;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t length, known;
        uint8_t kind = (uint8_t)cases[i].kind;
        fill(&f);
        for (size_t at = 0; at < 18; at++)
            f.weights[at] = 1;
        struct dataset one = {.ids = f.ids,
                              .weights = f.weights,
                              .offsets = (uint64_t[]){0, 18},
                              .kinds = &kind,
                              .documents = 1,
                              .tokens = 18};
        assert_int_equal(pieces_list(&f.list, &one, SEQ_LEN, cases[i].how, &err), 0);
        assert_int_equal(f.list.count, cases[i].pieces);
        assert_int_equal(f.list.counts.dropped, cases[i].dropped);
        assert_int_equal(f.list.counts.truncated, cases[i].truncated);
        assert_int_equal(f.list.counts.split, cases[i].split);
        piece_tokens(&f.list, &f.list.items[0], &length, &known);
        assert_int_equal(length, SEQ_LEN);
        assert_int_equal(known - 1, cases[i].targets_of_first);
        assert_int_equal(f.list.counts.longest, SEQ_LEN);
        pieces_free(&f.list);
        assert_int_equal(pieces_list(&f.list, &one, SEQ_LEN, LONG_DROP, &err), -1);
        assert_non_null(strstr(err.text, "--long drop"));
    }
    /* Where every target lies behind the row, it is split after all, unless truncation was asked.
     */
    uint8_t prompted = DOCUMENT_PROMPTED;
    float behind[18] = {[16] = 1};
    struct dataset late = {.ids = f.ids,
                           .weights = behind,
                           .offsets = (uint64_t[]){0, 18},
                           .kinds = &prompted,
                           .documents = 1,
                           .tokens = 18};
    assert_int_equal(pieces_list(&f.list, &late, SEQ_LEN, LONG_BY_KIND, &err), 0);
    assert_true(f.list.counts.without_prompt);
    assert_int_equal(f.list.counts.supervised, 1);
    pieces_free(&f.list);
    assert_int_equal(pieces_list(&f.list, &late, SEQ_LEN, LONG_TRUNCATE, &err), -1);
    assert_non_null(strstr(err.text, "--seq-len"));
    fill(&f);
    f.kinds[22] = DOCUMENT_PROMPTED; /* whatever its length */
    assert_int_equal(pieces_list(&f.list, &f.data, SEQ_LEN, LONG_SPLIT, &err), -1);
    assert_non_null(strstr(err.text, "document 23"));
    enum long_documents how;
    assert_int_equal(long_documents_by_name(&how, "cut", &err), -1);
    assert_int_equal(err.kind, ERROR_USAGE);
    assert_int_equal(long_documents_by_name(&how, "truncate", &err), 0);
    assert_int_equal(how, LONG_TRUNCATE);
}

/* Steps end with their epoch, and of a part of an epoch there is that part of its steps. */
static void steps_of_epochs(void **state)
{
    (void)state;
    struct fixture f;
    struct batch batch;
    fill(&f);
    struct packing *packing = pack(&f, 8, true);
    assert_int_equal(batch_alloc(&batch, 2, SEQ_LEN, NULL), 0);
    for (int64_t epochs = 1; epochs <= 4; epochs++) {
        int64_t steps = 0, last = 0;
        for (int64_t epoch = 0; epoch < epochs; epoch++) {
            int64_t rows = 0, filled;
            packing_seek(packing, (struct packing_position){(uint64_t)epoch, 0});
            while ((filled = packing_next(packing, &batch, 2, NULL)) > 0)
                rows += filled;
            assert_int_equal(rows, packing_rows(packing));
            last = (rows + 5) / 6;
            steps += last;
        }
        packing_seek(packing, (struct packing_position){2, 1});
        assert_int_equal(packing_steps(packing, (double)epochs, 6), steps);
        assert_int_equal(packing_steps(packing, (double)epochs - 0.5, 6),
                         steps - last + (last + 1) / 2);
        assert_int_equal(packing_position(packing).epoch, 2);
        assert_int_equal(packing_position(packing).row, 1);
    }
    assert_int_equal(packing_steps(packing, 0.0001, 6), 1);
    batch_free(&batch);
    unpack(&f, packing);
}

/* The rows of one long text come in another order for another seed, and in another epoch. */
static void rows_of_a_text_are_shuffled(void **state)
{
    (void)state;
    enum { LENGTH = 40 * SEQ_LEN };
    static int32_t ids[LENGTH];
    static float weights[LENGTH];
    uint8_t kind = DOCUMENT_STREAM;
    int32_t first[4][8];
    struct batch batch;
    struct piece_list list, train, eval;
    for (int i = 0; i < LENGTH; i++) {
        ids[i] = i;
        weights[i] = 1;
    }
    struct dataset data = {.ids = ids,
                           .weights = weights,
                           .offsets = (uint64_t[]){0, LENGTH},
                           .kinds = &kind,
                           .documents = 1,
                           .tokens = LENGTH};
    assert_int_equal(pieces_list(&list, &data, SEQ_LEN, LONG_BY_KIND, NULL), 0);
    assert_int_equal(batch_alloc(&batch, 1, SEQ_LEN, NULL), 0);
    for (int i = 0; i < 4; i++) {
        struct packing *packing;
        assert_int_equal(packing_new(&packing, &list, i == 1 ? 2 : 1, i < 3, 0, NULL), 0);
        packing_seek(packing, (struct packing_position){i == 2, 0});
        for (int row = 0; row < 8; row++) {
            assert_int_equal(packing_next(packing, &batch, 1, NULL), 1);
            first[i][row] = batch.ids[0];
        }
        packing_free(packing);
    }
    assert_memory_not_equal(first[0], first[1], sizeof first[0]);
    assert_memory_not_equal(first[0], first[2], sizeof first[0]);
    for (int row = 0; row < 8; row++) /* evaluation keeps the order */
        assert_int_equal(first[3][row], row * SEQ_LEN);
    assert_int_equal(pieces_units(&list), 40);
    assert_int_equal(pieces_divide(&list, 0.1, 7, &train, &eval, NULL), 0);
    assert_int_equal(eval.count, 4);
    assert_int_equal(train.count, 36);
    assert_int_equal(train.counts.supervised + eval.counts.supervised, LENGTH - 1);
    kind = 0; /* a record is held back whole */
    assert_int_equal(pieces_units(&list), 1);
    pieces_free(&list);
    pieces_free(&train);
    pieces_free(&eval);
    batch_free(&batch);
}

/* How often each document comes in an epoch, counted by its first token. */
static void count_documents(struct fixture *f, uint64_t epoch, int counts[DOCUMENTS])
{
    struct batch batch;
    struct packing *packing = pack(f, 21, true);
    memset(counts, 0, DOCUMENTS * sizeof *counts);
    assert_int_equal(batch_alloc(&batch, 1, SEQ_LEN, NULL), 0);
    packing_seek(packing, (struct packing_position){epoch, 0});
    while (packing_next(packing, &batch, 1, NULL) > 0) {
        check_batch(f, &batch);
        for (int64_t i = 0; i < batch.tokens; i++)
            if (batch.ids[i] >= 0 && batch.ids[i] % 1000 == 0)
                counts[batch.ids[i] / 1000]++;
    }
    batch_free(&batch);
    unpack(f, packing);
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
            take(p, &a, 3);
            take(w, &b, 3);
            equal += memcmp(a.ids, b.ids, (size_t)a.tokens * sizeof *a.ids) == 0;
        }
        assert_int_equal(equal == 40, same);
        unpack(&plain, p);
        unpack(&weighted, w);
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
        take(packing, &batch, 1);
        assert_true(batch.supervised > 0);
    }
    assert_true(packing_position(packing).epoch > 1);
    packing_seek(packing, (struct packing_position){UINT64_C(1) << 53, 0});
    unpack(&f, packing);
    batch_free(&batch);
}

static void splits_for_evaluation(void **state)
{
    (void)state;
    struct fixture f;
    struct piece_list train, eval;
    int seen[DOCUMENTS] = {0}, held[DOCUMENTS] = {0};
    size_t pieces = 0, documents = 0;
    struct error err = ERROR_INIT;
    fill(&f);
    assert_int_equal(pieces_list(&f.list, &f.data, SEQ_LEN, LONG_BY_KIND, &err), 0);
    assert_int_equal(pieces_divide(&f.list, 0.2, 9, &train, &eval, &err), 0);
    assert_int_equal(train.count + eval.count, f.list.count);
    for (size_t i = 0; i < train.count; i++)
        seen[train.items[i].document]++;
    for (size_t i = 0; i < eval.count; i++)
        held[eval.items[i].document]++;
    for (size_t d = 0; d < DOCUMENTS; d++) {
        assert_true(!seen[d] || !held[d]); /* no document is in both */
        pieces += (size_t)(seen[d] + held[d]);
        documents += held[d] > 0;
    }
    assert_int_equal(pieces, f.list.count);
    assert_int_equal(documents, 5);
    pieces_free(&train);
    pieces_free(&eval);
    pieces_free(&f.list);
    f.data.documents = 1;
    assert_int_equal(pieces_list(&f.list, &f.data, SEQ_LEN, LONG_BY_KIND, &err), 0);
    assert_int_equal(pieces_divide(&f.list, 0.2, 9, &train, &eval, &err), -1);
    assert_non_null(strstr(err.text, "--eval-data"));
    pieces_free(&f.list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_token_once_an_epoch),
        cmocka_unit_test(documents_are_whole),
        cmocka_unit_test(resumes_exactly),
        cmocka_unit_test(seeds_and_epochs_differ),
        cmocka_unit_test(refuses_nothing_to_learn),
        cmocka_unit_test(what_has_no_target_takes_no_row),
        cmocka_unit_test(long_documents_are_as_asked),
        cmocka_unit_test(steps_of_epochs),
        cmocka_unit_test(rows_of_a_text_are_shuffled),
        cmocka_unit_test(weights_say_how_often_documents_come),
        cmocka_unit_test(weights_of_1_change_nothing),
        cmocka_unit_test(small_weights_and_large_epochs),
        cmocka_unit_test(splits_for_evaluation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
