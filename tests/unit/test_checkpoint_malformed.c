/* Files that lie, each with the message that it must give: those of the fuzz targets' corpora that
 * have a name (tests/fuzz/make_corpus.py says what is wrong with each). The path stands in front of
 * each message. The GGUF ones begin with what was found in other readers (CVE numbers). */
#include "test.h"

#include "checkpoint_data.h"

struct malformed {
    const char *name, *says;
};

#define BEYOND(range) ", tensor a: the bytes " range " are not inside the file's 16 bytes of data"
#define CLAIMS(claim)                                                                              \
    ": its header claims " claim " bytes, the file has 81: truncated, or not a safetensors file"
#define NO_NAME                                                                                    \
    ": a tensor name is empty, longer than 512 bytes, not UTF-8 or has control characters"
#define TOO_LARGE ": tensor a: the product of its shape is too large"
#define NO_ARRAY(count, type)                                                                      \
    ": key k is an array of " count " elements of type " type ", which cannot be"
#define TOO_LONG(what, count, most)                                                                \
    ": " what " claims " count " bytes, at most " most " are possible"
#define CUT_OFF(bytes, at, size)                                                                   \
    ": tensor a needs " bytes " bytes at " at ", the file has " size ": it is truncated"

static const struct malformed safetensors[] = {
    {"gap", ": tensor b leaves a gap before it at byte 20 of the data"},
    {"gap-at-start", ": tensor a leaves a gap before it at byte 4 of the data"},
    {"overlap", ": tensor b overlaps the one before it at byte 12 of the data"},
    {"same-range-twice", ": tensor b overlaps the one before it at byte 0 of the data"},
    {"inverted-offsets", BEYOND("[16, 0)")},
    {"negative-offset", BEYOND("[-16, 0)")},
    {"fractional-offset", BEYOND("[0, 15.5)")},
    {"offset-beyond-2-64", BEYOND("[0, 1.8446744073709552e+19)")},
    {"beyond-end", BEYOND("[0, 32)")},
    {"three-offsets", ", tensor a: \"data_offsets\" must be two numbers"},
    {"product-overflow", TOO_LARGE},
    {"product-wraps-to-zero", TOO_LARGE},
    {"bytes-overflow", TOO_LARGE},
    {"shape-and-range-differ", ": tensor a: its shape in F32 needs 24 bytes, its range has 16"},
    {"negative-shape", ", tensor a: \"shape\" has an entry that is not a whole number >= 0"},
    {"fractional-shape", ", tensor a: \"shape\" has an entry that is not a whole number >= 0"},
    {"nine-dimensions", ", tensor a: \"shape\" must be a list of at most 8 numbers"},
    {"duplicate-key", ": the key \"a\" appears twice"},
    {"trailing-bytes", ": 1 bytes follow the last tensor"},
    {"trailing-json", ": 1 bytes follow the end of the JSON text"},
    {"name-not-utf8", ": not valid UTF-8"},
    {"name-with-escape", NO_NAME},
    {"name-with-nul",
     ": a NUL character (\\u0000) at byte 3; take it out, texts with it cannot be read"},
    {"name-empty", NO_NAME},
    {"name-too-long", NO_NAME},
    {"header-100-mb", CLAIMS("100000000")},
    {"header-over-the-cap", CLAIMS("100000001")},
    {"header-2-64", CLAIMS("18446744073709551615")},
    {"header-empty", ": not valid JSON, column 1: it ends where a value should be"},
    {"header-is-a-list", ": its header is not a JSON object"},
    {"header-nested", ": nested more than 64 levels deep"},
    {"no-tensors", ": it has no tensors"},
    {"dtype-missing", ", tensor a: \"dtype\" must be there and be a string"},
    {"dtype-with-escape", ", tensor a: \"dtype\" must be 1 to 15 capitals, digits and underscores, "
                          "not \"?[2J\""},
    {"entry-is-a-number", ", tensor a: \"dtype\" must be there and be a string"},
    {"seven-bytes", " has 7 bytes, too few for a safetensors file"},
    {"nothing", " has 0 bytes, too few for a safetensors file"},
};

static const struct malformed gguf[] = {
    {"cve-2024-21802-five-dimensions", ": tensor a has 5 dimensions, at most 4 are possible"},
    {"cve-2024-21802-rank-2-32", ": tensor a has 4294967295 dimensions, at most 4 are possible"},
    {"cve-2025-53630-sizes-wrap", CUT_OFF("4611686018427387904", "160", "224")},
    {"cve-2025-53630-padding-wraps",
     ": tensor a: 4611686018427387903 elements cannot be in 64 bytes"},
    {"cve-2026-27940-table-wraps",
     ": it claims 50127021939428130 tensors and 0 keys, which cannot be"},
    {"cve-2026-27940-keys-wrap",
     ": it claims 1 tensors and 384307168202282326 keys, which cannot be"},
    {"cve-2026-33298-bytes-wrap", TOO_LARGE},
    {"cve-2026-33298-elements-wrap", TOO_LARGE},
    {"cve-2026-33298-blocks-wrap", CUT_OFF("2882303761517117442", "96", "160")},
    {"cve-2026-7482-size-beyond-end", CUT_OFF("2097152", "96", "160")},
    {"cve-2026-7482-offset-beyond-end", CUT_OFF("64", "1048672", "160")},
    {"offset-wraps", ": tensor a: its offset leaves 64 bits"},
    {"offset-not-aligned", ": tensor a: its offset is not a multiple of 32"},
    {"dimension-over-2-63", ": tensor a: a dimension is too large"},
    {"tensor-type-unknown-too-large", ": tensor a: 2199023255552 elements cannot be in 64 bytes"},
    {"tensor-twice", ": tensor a is there twice"},
    {"tensor-name-2-64", TOO_LONG("a tensor name", "18446744073709551615", "512")},
    {"tensor-name-too-long", TOO_LONG("a tensor name", "600", "512")},
    {"tensor-name-with-escape", NO_NAME},
    {"tensor-name-not-utf8", NO_NAME},
    {"no-tensors", ": it has no tensors"},
    {"value-type-unknown", ": key k has the unknown value type 13"},
    {"array-of-arrays", NO_ARRAY("1", "9")},
    {"array-of-unknown", NO_ARRAY("1", "99")},
    {"array-2-64", NO_ARRAY("18446744073709551615", "10")},
    {"array-wraps", NO_ARRAY("2305843009213693952", "10")},
    {"array-of-texts-2-60", NO_ARRAY("1152921504606846976", "8")},
    {"text-2-64", TOO_LONG("k", "18446744073709551615", "16777216")},
    {"text-2-63", TOO_LONG("k", "9223372036854775808", "16777216")},
    {"key-2-64", TOO_LONG("a metadata key", "18446744073709551615", "1024")},
    {"key-too-long", TOO_LONG("a metadata key", "2000", "1024")},
    {"key-not-utf8", ": metadata key 0 is not valid"},
    {"alignment-0", ": general.alignment is 0, not a power of two up to 1048576"},
    {"alignment-3", ": general.alignment is 3, not a power of two up to 1048576"},
    {"alignment-2147483648", ": general.alignment is 2147483648, not a power of two up to 1048576"},
    {"version-1", ": GGUF version 1; versions 2 and 3 can be read"},
    {"version-big-endian", ": GGUF version 50331648; versions 2 and 3 can be read"},
    {"magic", ": not a GGUF file"},
    {"four-bytes", " is truncated: its header needs 4 bytes at 4, the file ends at 4"},
    {"nothing", " is truncated: its header needs 4 bytes at 0, the file ends at 0"},
};

/* All that are wrong are looked at before the test fails. */
static void check(const struct malformed *files, size_t count, const char *format)
{
    char path[512];
    int failures = 0;
    for (size_t i = 0; i < count; i++) {
        struct checkpoint *checkpoint = NULL;
        struct error err = ERROR_INIT;
        snprintf(path, sizeof path, "%s/../fuzz/corpus/%s/bad-%s.%s", getenv("SPECTRUM_TEST_DATA"),
                 format, files[i].name, format);
        size_t length = strlen(path);
        if (checkpoint_open(&checkpoint, path, &err) == 0 || strncmp(err.text, path, length) != 0 ||
            strcmp(err.text + length, files[i].says) != 0) {
            print_error("%s: \"%s\"\n", files[i].name, err.text);
            failures++;
        }
        checkpoint_close(checkpoint);
    }
    assert_int_equal(failures, 0);
}

static void each_safetensors_file_is_refused_in_its_words(void **state)
{
    (void)state;
    check(safetensors, sizeof safetensors / sizeof *safetensors, "safetensors");
}

static void each_gguf_file_is_refused_in_its_words(void **state)
{
    (void)state;
    check(gguf, sizeof gguf / sizeof *gguf, "gguf");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_safetensors_file_is_refused_in_its_words),
        cmocka_unit_test(each_gguf_file_is_refused_in_its_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
