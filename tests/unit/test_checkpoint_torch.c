/* PyTorch's files: what torch.save() wrote is what safetensors has (tests/oracle/make_torch_files.py);
 * what is more than tensors is refused in a line that says what, and nothing of it is run; archives
 * and pickles that lie. */
#include "checkpoint_data.h"

#include "zip_data.h"

#include <stdlib.h>
#include <string.h>

static struct checkpoint *open_torch(const char *name, const char *says)
{
    char path[512];
    snprintf(path, sizeof path, "%s/checkpoint/torch/%s", getenv("SPECTRUM_TEST_DATA"), name);
    return data_open(path, says);
}

static void check_same(const char *ours_name, const char *theirs_name, size_t count)
{
    struct checkpoint *ours = open_torch(ours_name, NULL), *theirs = open_torch(theirs_name, NULL);
    assert_string_equal(checkpoint_notes(ours), "");
    assert_int_equal(checkpoint_format(ours), CHECKPOINT_PYTORCH);
    assert_int_equal(checkpoint_count(ours), count);
    assert_int_equal(checkpoint_count(theirs), count);
    for (size_t i = 0; i < count; i++) {
        const struct tensor_info *a = checkpoint_tensor(ours, i),
                                 *b = checkpoint_find(theirs, a->name);
        char x[512], y[512];
        assert_non_null(b);
        assert_string_equal(a->dtype_name, b->dtype_name);
        assert_int_equal(a->rank, b->rank);
        assert_memory_equal(a->shape, b->shape, sizeof a->shape);
        assert_true(a->bytes == b->bytes && a->bytes <= sizeof x);
        assert_int_equal(checkpoint_read_raw(ours, a, 0, a->bytes, x, NULL), 0);
        assert_int_equal(checkpoint_read_raw(theirs, b, 0, b->bytes, y, NULL), 0);
        assert_memory_equal(x, y, a->bytes);
    }
    checkpoint_close(ours);
    checkpoint_close(theirs);
}

static void is_what_safetensors_has(void **state)
{
    (void)state;
    check_same("whole", "whole/expected.safetensors", 21);
    check_same("whole/pytorch_model.bin", "whole/expected.safetensors", 21);
    check_same("shards", "shards/expected.safetensors", 3);
    check_same("new_types", "new_types/expected.safetensors", 9);
}

static void what_is_more_than_tensors_is_refused(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"counter", "it asks for collections.Counter, which a file of tensors has no need of"},
        {"date", "it asks for datetime.date"},
        {"expanded", "tensor a: its elements do not lie in the order of its shape"},
        {"fnuz", "it asks for torch.float8_e4m3fnuz"},
        {"legacy", "is no zip archive, as PyTorch has written since 1.6, but a pickle"},
        {"list", "it holds no dict of tensors"},
        {"module", "it asks for torch.nn.modules.linear.Linear"},
        {"nested", "tensor model: it is no tensor"},
        {"negated", "numbers are to be negated or conjugated first"},
        {"number", "tensor step: it is no tensor"},
        {"pickle", "is no zip archive, as PyTorch has written since 1.6, but a pickle"},
        {"protocol", "its pickle has protocol 4, and torch.save() writes 2"},
        {"runs", "it asks for __builtin__.print, which a file of tensors has no need of"},
        {"script", "it asks for __torch__.torch.nn.modules.linear"},
        {"sparse", "it asks for torch._utils._rebuild_sparse_tensor"},
        {"transposed", "tensor a: its elements do not lie in the order of its shape"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[64];
        snprintf(name, sizeof name, "refused/%s.bin", cases[i][0]);
        open_torch(name, cases[i][1]);
    }
}

static void safetensors_come_first(void **state)
{
    (void)state;
    char *folder = data_folder();
    data_safetensors(folder, "model.safetensors", "one.weight");
    data_text(folder, "pytorch_model.bin", "not looked at");
    struct checkpoint *checkpoint = data_open(folder, NULL);
    assert_non_null(strstr(checkpoint_notes(checkpoint),
                           "has both model.safetensors and pytorch_model.bin: model.safetensors is "
                           "read, as transformers does"));
    checkpoint_close(checkpoint);
    data_folder_remove(folder);
}

/* --- archives that lie --- */

/* As data_file(), and not flushed to the disk: there are thousands. */
static void put_file(const char *path, const char *bytes, size_t count)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

/* No beginning of a good file opens, and no byte of it, changed, does harm. */
static void no_damage_goes_through(void **state)
{
    (void)state;
    char *folder = data_folder(), *path = path_join(folder, "a.bin", NULL), source[512];
    static char bytes[8192];
    snprintf(source, sizeof source, "%s/checkpoint/torch/shards/pytorch_model-00002-of-00002.bin",
             getenv("SPECTRUM_TEST_DATA"));
    FILE *file = fopen(source, "rb");
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    assert_true(size > 500 && size < sizeof bytes);
    for (size_t length = 0; length < size; length += 3) {
        put_file(path, bytes, length);
        data_open(path, "a.bin");
    }
    for (size_t i = 0; i < size; i += 3) {
        struct checkpoint *checkpoint = NULL;
        struct error err = ERROR_INIT;
        char kept = bytes[i];
        bytes[i] = (char)~kept;
        put_file(path, bytes, size);
        float value;
        if (checkpoint_open(&checkpoint, path, &err) == 0)
            checkpoint_read_f32(checkpoint, checkpoint_tensor(checkpoint, 0), 0, 1, &value, NULL);
        else
            assert_true(err.text[0]);
        checkpoint_close(checkpoint);
        bytes[i] = kept;
    }
    free(path);
    data_folder_remove(folder);
}

static void archives_are_held_to_their_words(void **state)
{
    (void)state;
    static const struct {
        const char *names[3], *says;
    } cases[] = {
        {{"a/data.pkl", "a/data.pkl"}, "its entry a/data.pkl is there twice"},
        {{"a/other.pkl"}, "an archive without a data.pkl"},
        {{"data.pkl"}, "an archive without a data.pkl"},
        {{"a/byteorder", "a/data.pkl"}, "its numbers are not little-endian"},
    };
    char *folder = data_folder(), *path = path_join(folder, "a.bin", NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct zip_data zip = {.entries = 0};
        for (int k = 0; k < 3 && cases[i].names[k]; k++)
            zip_add(&zip, cases[i].names[k], "big", 3);
        zip_end(&zip);
        data_file(folder, "a.bin", zip.file.data, zip.file.length);
        data_open(path, cases[i].says);
        buffer_free(&zip.file);
    }
    data_text(folder, "a.bin", "ggml is no archive, either");
    data_open(path, "is no zip archive, as PyTorch has written since 1.6: open it there");
    free(path);
    data_folder_remove(folder);
}

/* --- pickles that lie --- */

/* Pieces of pickles: a dict's beginning with one key, a storage of `n` floats, a tensor's shape. */
#define TEXT(length, text) "X" length "\0\0\0" text
#define BEGIN "\x80\x02}" TEXT("\1", "a")
#define REBUILD "ctorch._utils\n_rebuild_tensor_v2\n("
#define STORAGE(n)                                                                                 \
    "(" TEXT("\7", "storage") "ctorch\nFloatStorage\n" TEXT("\1", "0") TEXT("\3", "cpu") n "tQ"
#define TENSOR(n, offset, shape, strides)                                                          \
    BEGIN REBUILD STORAGE(n)                                                                       \
    offset shape strides "\x89}tRs."

#define PICKLE(text) text, sizeof text - 1

static void pickles_are_held_to_their_words(void **state)
{
    (void)state;
    static const struct {
        const char *pickle;
        size_t size;
        const char *says; /* NULL: it opens */
    } cases[] = {
        {PICKLE(TENSOR("K\x08", "K\0", "K\2K\3\x86", "K\3K\1\x86")), NULL},
        {PICKLE(TENSOR("K\x08", "K\2", "K\2K\3\x86", "K\3K\1\x86")), NULL},
        {PICKLE(TENSOR("K\x08", "K\3", "K\2K\3\x86", "K\3K\1\x86")),
         "a: its elements [3, +6) are not in its storage of 32 bytes"},
        {PICKLE(TENSOR("K\x09", "K\0", "K\2K\3\x86", "K\3K\1\x86")),
         "a: its elements [0, +6) are not in its storage of 32 bytes"},
        {PICKLE(TENSOR("J\xff\xff\xff\xff", "K\0", "K\2K\3\x86", "K\3K\1\x86")),
         "are not in its storage"},
        {PICKLE(TENSOR("\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f", "K\0", "K\1\x85", "K\1\x85")),
         "are not in its storage"},
        {PICKLE(TENSOR("K\x08", "J\xff\xff\xff\xff", "K\1\x85", "K\1\x85")),
         "are not in its storage"},
        {PICKLE(TENSOR("K\x08", "K\0", "J\xff\xff\xff\xff\x85", "K\1\x85")),
         "a has a shape that cannot be"},
        {PICKLE(TENSOR("K\x08", "K\0", "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7fK\3\x86",
                       "K\3K\1\x86")),
         "a: the product of its shape is too large"},
        {PICKLE(TENSOR("K\x08", "K\0", "K\2K\3\x86", "K\1K\2\x86")), "do not lie in the order"},
        {PICKLE(TENSOR("K\x08", "K\0", "K\2K\3\x86", "K\1\x85")), "do not lie in the order"},
        {PICKLE(TENSOR("K\x08", "K\0", "K\2K\3\x86", "N\x85")), "do not lie in the order"},
        {PICKLE(TENSOR("K\x08", "K\0", "N\x85", "K\1\x85")), "a has a shape that cannot be"},
        {PICKLE(TENSOR("K\x08", "N", "K\2\x85", "K\1\x85")), "called with what it does not take"},
        {PICKLE(BEGIN STORAGE("K\x08") "s."), "a: it is no tensor"},
        {PICKLE(BEGIN "N\x85Qs."), "a storage is none of a tensor's"},
        {PICKLE(BEGIN "(" TEXT("\7", "storage") "ccollections\nOrderedDict\n" TEXT("\1", "0")
                    TEXT("\3", "cpu") "K\x08tQs."),
         "a storage is none of a tensor's"},
        {PICKLE("\x80\x02]."), "it holds no dict of tensors"},
        {PICKLE("\x80\x02}K\1K\2s."), "it has a tensor without a name"},
        {PICKLE("\x80\x02}.N"), "it ends with something left over"},
        {PICKLE("\x80\x02}N."), "it ends with something left over"},
        {PICKLE("\x80\x02}(."), "it ends with something left over"},
        {PICKLE("\x80\x02}"), "it ends too soon at byte 3"},
        {PICKLE("\x80\x02}X\xff\xff\xff\xff"
                "a"),
         "it ends too soon"},
        {PICKLE("\x80\x02}X\1\0\0\0\0"), "a text is not UTF-8, or has a NUL byte"},
        {PICKLE("\x80\x02}X\1\0\0\0\xff"), "a text is not UTF-8, or has a NUL byte"},
        {PICKLE("\x80\x02\x8a\x09"), "it ends too soon"},
        {PICKLE("\x80\x02\x8a\x09"
                "123456789."),
         "a number is too large"},
        {PICKLE("\x80\x02h\1."), "a memo is asked for that is not there"},
        {PICKLE("\x80\x02}r\xff\xff\xff\xff."), "a memo's number is too large"},
        {PICKLE("\x80\x02q\1."), "the stack is empty"},
        {PICKLE("\x80\x02s."), "the stack is empty"},
        {PICKLE("\x80\x02t."), "a mark is missing"},
        {PICKLE("\x80\x02N(\x85."), "the stack is empty"},
        {PICKLE("\x80\x02}(Nu."), "items have nothing that they go into"},
        {PICKLE("\x80\x02](NNu."), "items have nothing that they go into"},
        {PICKLE("\x80\x02(NNu."), "items have nothing that they go into"},
        {PICKLE("\x80\x02N)R."), "something is called that cannot be"},
        {PICKLE("\x80\x02"
                "ctorch\nFloatStorage\n)R."),
         "called with what it does not take"},
        {PICKLE("\x80\x02"
                "ccollections\nOrderedDict\n]\x85R."),
         "called with what it does not take"},
        {PICKLE("\x80\x02}}" TEXT("\1", "x") "Nsb."), "gets members that no dict of tensors has"},
        {PICKLE("\x80\x02"
                "cos\nsystem\n(" TEXT("\1", "x") "tR."),
         "it asks for os.system"},
        {PICKLE("\x80\x02"
                "cos\nsys\x1b[2J\n."),
         "it asks for os.sys?[2J"},
        {PICKLE("\x80\x02"
                "cos"),
         "a name has no end"},
        {PICKLE("\x80\x02(ios\nsystem\n."), "the opcode 0x69 (INST) at byte 3"},
        {PICKLE("\x80\x02\x93."), "the opcode 0x93 (STACK_GLOBAL) at byte 2"},
        {PICKLE("\x80\x02"
                "2."),
         "the opcode 0x32 (unknown) at byte 2"},
        {PICKLE("\x80\x02}q\0" TEXT("\1", "a") "h\0s."), "a: it is no tensor"}, /* in itself */
    };
    char *folder = data_folder(), *path = path_join(folder, "a.bin", NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct zip_data zip = {.entries = 0};
        const float storage[8] = {1, 2, 3, 4, 5, 6, 7, 8};
        zip_add(&zip, "a/data.pkl", cases[i].pickle, cases[i].size);
        zip_add(&zip, "a/data/0", storage, sizeof storage);
        zip_end(&zip);
        data_file(folder, "a.bin", zip.file.data, zip.file.length);
        struct checkpoint *checkpoint = data_open(path, cases[i].says);
        float value = 0;
        if (checkpoint) {
            const struct tensor_info *tensor = checkpoint_find(checkpoint, "a");
            assert_int_equal(checkpoint_read_f32(checkpoint, tensor, 5, 1, &value, NULL), 0);
            assert_true(value == (i == 0 ? 6 : 8));
        }
        checkpoint_close(checkpoint);
        buffer_free(&zip.file);
    }
    free(path);
    data_folder_remove(folder);
}

/* Marks, references and values are bounded, whatever there is memory for. */
static void pickles_are_bounded(void **state)
{
    (void)state;
    static const struct {
        char opcode;
        size_t count;
        const char *says;
    } cases[] = {{'(', 2000, "too many marks are open"},
                 {'}', ((size_t)1 << 22) + 10, "a pickle has more than 4194304 values"},
                 {'N', ((size_t)1 << 22) + 10, "a pickle has more than 4194304 values"}};
    char *folder = data_folder(), *path = path_join(folder, "a.bin", NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct zip_data zip = {.entries = 0};
        char *pickle = malloc(cases[i].count);
        memset(pickle, cases[i].opcode, cases[i].count);
        zip_add(&zip, "a/data.pkl", pickle, cases[i].count);
        zip_end(&zip);
        data_file(folder, "a.bin", zip.file.data, zip.file.length);
        data_open(path, cases[i].says);
        buffer_free(&zip.file);
        free(pickle);
    }
    free(path);
    data_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_what_safetensors_has),
        cmocka_unit_test(what_is_more_than_tensors_is_refused),
        cmocka_unit_test(safetensors_come_first),
        cmocka_unit_test(no_damage_goes_through),
        cmocka_unit_test(archives_are_held_to_their_words),
        cmocka_unit_test(pickles_are_held_to_their_words),
        cmocka_unit_test(pickles_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
