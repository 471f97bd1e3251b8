/* SHA-256 against the examples of FIPS 180-4 (and of NIST's example values), in any pieces. */
#include "test_folder.h"

#include "base/file_writer.h"
#include "base/folder.h"
#include "base/hash.h"

#include <string.h>

static const struct {
    const char *text, *digest;
} examples[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

static void equals_the_standard(void **state)
{
    (void)state;
    char out[DIGEST_TEXT_SIZE];
    struct digest *digest = digest_new(NULL);
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        size_t length = strlen(examples[i].text);
        assert_int_equal(digest_of(examples[i].text, length, out, NULL), 0);
        assert_string_equal(out, examples[i].digest);
        for (size_t at = 0; at < length; at++)
            digest_update(digest, examples[i].text + at, 1);
        assert_int_equal(digest_bytes(digest), length);
        digest_text(digest, out); /* which begins the next one */
        assert_string_equal(out, examples[i].digest);
    }
    digest_free(digest);
}

/* A million times "a", as the standard has it: longer than the pieces in which a file is read. */
static void reads_files_whole(void **state)
{
    (void)state;
    enum { COUNT = 1000000, LONGER = (3 << 20) + 5 };
    char out[DIGEST_TEXT_SIZE], whole[DIGEST_TEXT_SIZE], *bytes = malloc(LONGER);
    char *path = path_join(folder, "bytes", NULL);
    memset(bytes, 'a', COUNT);
    assert_int_equal(file_save(path, bytes, COUNT, NULL), 0);
    assert_int_equal(digest_of_file(path, out, NULL), 0);
    assert_string_equal(out, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    for (size_t i = 0; i < LONGER; i++)
        bytes[i] = (char)(i * 31 >> 3);
    assert_int_equal(file_save(path, bytes, LONGER, NULL), 0);
    assert_int_equal(digest_of(bytes, LONGER, whole, NULL), 0);
    assert_int_equal(digest_of_file(path, out, NULL), 0);
    assert_string_equal(out, whole);
    struct error err = ERROR_INIT;
    assert_int_equal(digest_of_file(folder, out, &err), -1);
    assert_non_null(strstr(err.text, "not a regular file"));
    free(path);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_the_standard),
        cmocka_unit_test_setup_teardown(reads_files_whole, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
