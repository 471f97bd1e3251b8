/* Weights that quantisers store in several tensors, against what the tools make of them
 * (tests/oracle/make_composed.py, make_compressed.py), to the bit: whole tensors, ranges that begin
 * and end anywhere, bytes; and codes that are not understood, each with its reason. */
#include "checkpoint_data.h"

#include <stdlib.h>
#include <string.h>

static struct checkpoint *open_data(const char *folder, const char *file)
{
    char name[128];
    snprintf(name, sizeof name, "%s/checkpoint/composed/%s/%s", getenv("SPECTRUM_TEST_DATA"),
             folder, file);
    return data_open(name, NULL);
}

static float *read_range(const struct checkpoint *checkpoint, const struct tensor_info *tensor,
                         int64_t first, int64_t count)
{
    struct error err = ERROR_INIT;
    float *values = malloc((size_t)count * sizeof *values + 1);
    if (checkpoint_read_f32(checkpoint, tensor, first, count, values, &err) != 0)
        fail_msg("%s", err.text);
    return values;
}

/* Ranges of every length that matters: within a unit, from one into the next, over several. */
static void check_tensor(const struct checkpoint *ours, const struct tensor_info *tensor,
                         const float *expected)
{
    const int64_t steps[] = {tensor->elements, 7, 61, 200};
    for (size_t s = 0; s < sizeof steps / sizeof *steps; s++)
        for (int64_t at = 0; at < tensor->elements; at += steps[s]) {
            int64_t left = tensor->elements - at, count = left < steps[s] ? left : steps[s];
            float *values = read_range(ours, tensor, at, count);
            for (int64_t i = 0; i < count; i++)
                if (memcmp(&values[i], &expected[at + i], sizeof *values) != 0)
                    fail_msg("%s, element %lld of [%lld, +%lld): %.9g, the tool has %.9g",
                             tensor->name, (long long)(at + i), (long long)at, (long long)count,
                             (double)values[i], (double)expected[at + i]);
            free(values);
        }
}

/* The bytes of a composed tensor are those of its parts, in any pieces. */
static void check_raw(const struct checkpoint *ours, const struct tensor_info *tensor)
{
    unsigned char *whole = malloc(tensor->bytes), *pieces = malloc(tensor->bytes);
    assert_int_equal(checkpoint_read_raw(ours, tensor, 0, tensor->bytes, whole, NULL), 0);
    for (uint64_t at = 0; at < tensor->bytes; at += 13) {
        uint64_t left = tensor->bytes - at;
        assert_int_equal(
            checkpoint_read_raw(ours, tensor, at, left < 13 ? left : 13, pieces + at, NULL), 0);
    }
    assert_memory_equal(whole, pieces, tensor->bytes);
    assert_int_equal(checkpoint_read_raw(ours, tensor, 1, tensor->bytes, pieces, NULL), -1);
    free(whole);
    free(pieces);
}

static void equals_the_tools(void **state)
{
    (void)state;
    static const char *const folders[] = {"fp8",   "fp8_shapes", "fp8_powers", "mlx",     "bnb",
                                          "mxfp4", "fp4",        "ints",       "modelopt"};
    for (size_t f = 0; f < sizeof folders / sizeof *folders; f++) {
        struct checkpoint *ours = open_data(folders[f], "");
        struct checkpoint *theirs = open_data(folders[f], "expected.safetensors");
        assert_string_equal(checkpoint_notes(ours), "");
        assert_int_equal(checkpoint_count(ours), checkpoint_count(theirs));
        for (size_t i = 0; i < checkpoint_count(theirs); i++) {
            const struct tensor_info *expected = checkpoint_tensor(theirs, i);
            const struct tensor_info *tensor = checkpoint_find(ours, expected->name);
            assert_non_null(tensor);
            assert_int_equal(tensor->rank, expected->rank);
            assert_memory_equal(tensor->shape, expected->shape, sizeof tensor->shape);
            float *values = read_range(theirs, expected, 0, expected->elements);
            check_tensor(ours, tensor, values);
            check_raw(ours, tensor);
            free(values);
        }
        checkpoint_close(ours);
        checkpoint_close(theirs);
    }
}

static void says_how_they_are_stored(void **state)
{
    (void)state;
    static const char *const expected[][3] = {
        {"fp8", "m.0.whole.weight", "F8_E4M3 16x32"},
        {"fp8", "m.0.cut.weight", "F8_E4M3 16x32"},
        {"fp8_shapes", "m.0.rows.weight", "F8_E4M3 rows"},
        {"fp8_shapes", "m.0.all.weight", "F8_E5M2 scaled"},
        {"fp8_powers", "m.0.powers.weight", "F8_E4M3 1x32"},
        {"mlx", "m.0.usual.weight", "MLX 4 bit g64"},
        {"mlx", "m.0.bf16_3.weight", "MLX 3 bit g32"},
        {"bnb", "m.0.nf4.weight", "NF4 32 double"},
        {"bnb", "m.3.fp4.weight", "FP4 128"},
        {"bnb", "m.6.int8.weight", "LLM.int8"},
        {"mxfp4", "m.0.experts.up_proj", "MXFP4"},
        {"fp4", "m.0.packed.weight", "NVFP4"},
        {"fp4", "m.1.modelopt.weight", "NVFP4"},
        {"fp4", "m.2.mx.weight", "MXFP4"},
        {"ints", "m.0.channel.weight", "INT8 rows"},
        {"ints", "m.0.tensor.weight", "INT8 scaled"},
        {"ints", "m.1.w4.weight", "INT4 g32"},
        {"ints", "m.1.w2.weight", "INT2 rows"},
        {"modelopt", "m.0.experts.gate_up_proj", "NVFP4"},
        {"modelopt", "m.2.experts.gate_up_proj", "F8_E4M3 scaled"},
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        struct checkpoint *ours = open_data(expected[i][0], "");
        const struct tensor_info *tensor = checkpoint_find(ours, expected[i][1]);
        assert_non_null(tensor);
        assert_string_equal(tensor->dtype_name, expected[i][2]);
        assert_true(dtype_traits(tensor->dtype)->quantized);
        checkpoint_close(ours);
    }
}

/* --- what is not understood --- */

#define FP8 "{\"quantization_config\": {\"weight_block_size\": [4, 4]}}"
#define FP8_OF(more) "{\"quantization_config\": {\"quant_method\": \"fp8\", " more "}}"
#define BLOCKS(a, b) FP8_OF("\"weight_block_size\": [" #a ", " #b "]")
#define MLX(bits, group) "{\"quantization\": {\"bits\": " #bits ", \"group_size\": " #group "}}"
#define NF4 ".quant_state.bitsandbytes__nf4"

static void refuses_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *config, *refusal, *tensors[DATA_TENSORS_MAX], *state;
    } cases[] = {
        {FP8, "codes without their scales", {"m.w F8_E4M3 [8,8] 64"}, NULL},
        {FP8, "scales of another shape", {"m.w F8_E4M3 [8,8] 64", "m.w_scale F32 [2,1,1] 8"}, NULL},
        {FP8, "scales of another shape", {"m.w F8_E4M3 [9,8] 72", "m.w_scale F32 [2,2] 16"}, NULL},
        {FP8,
         "scales of another shape",
         {"m.w F8_E4M3 [3,8,8] 192", "m.w_scale F32 [2,2,2] 32"},
         NULL},
        {BLOCKS(1, 1),
         "scales of another shape: they are [1,1], where codes of [16,8] in blocks of [1,1], as "
         "config.json says, have [16,8]; quantised by fp8",
         {"m.w F8_E4M3 [16,8] 128", "m.w_scale_inv F32 [1,1] 4"},
         NULL},
        {BLOCKS(8, 8),
         "they are [1,1], where codes of [16,8] in blocks of [8,8], as config.json says, have "
         "[2,1]",
         {"m.w F8_E4M3 [16,8] 128", "m.w_scale_inv F32 [1,1] 4"},
         NULL},
        {BLOCKS(7, 300),
         "they are [], where codes of [16,8] in blocks of [7,300], as config.json says, have [3,1]",
         {"m.w F8_E4M3 [16,8] 128", "m.w_scale F32 [] 4"},
         NULL},
        {BLOCKS(8, 8),
         "they are [16,1], where codes of [16,8] in blocks of [8,8], as config.json says, have "
         "[2,1]",
         {"m.w F8_E4M3 [16,8] 128", "m.w_scale F32 [16,1] 64"},
         NULL},
        {BLOCKS(8, 8),
         "they are [1], where codes of [2,8,8] in blocks of [8,8], as config.json says, have "
         "[2,1,1]",
         {"m.w F8_E4M3 [2,8,8] 128", "m.w_scale F32 [1] 4"},
         NULL},
        {"{\"compression_config\": {\"config_groups\": {\"group_0\": {\"weights\": "
         "{\"block_structure\": [8, 8]}}}}}",
         "they are [1], where codes of [16,8] in blocks of [8,8]",
         {"m.w F8_E4M3 [16,8] 128", "m.w_scale F32 [1] 4"},
         NULL},
        {FP8_OF("\"fmt\": \"e5m2\""),
         "codes of another \"fmt\", which is \"e5m2\", and these are F8_E4M3; quantised by fp8",
         {"m.w F8_E4M3 [8,8] 64", "m.w_scale F32 [1] 4"},
         NULL},
        {FP8_OF("\"fmt\": \"e4m3\""),
         "codes of another \"fmt\", which is \"e4m3\", and these are F8_E5M2",
         {"m.w F8_E5M2 [8,8] 64", "m.w_scale F32 [1] 4"},
         NULL},
        {FP8_OF("\"fmt\": 4"),
         "codes of another \"fmt\", which is 4, and these are F8_E4M3",
         {"m.w F8_E4M3 [8,8] 64", "m.w_scale F32 [1] 4"},
         NULL},
        {FP8_OF("\"modules_to_not_convert\": [\"lm_head\", \"m.0.q\"]"),
         "a module said to be plain; quantised by fp8",
         {"m.0.q.weight F8_E4M3 [8,8] 64", "m.0.q.weight_scale F32 [1] 4"},
         NULL},
        {FP8_OF("\"modules_to_not_convert\": [\"m.0\"]"),
         "a module said to be plain",
         {"m.0.q.weight F8_E4M3 [8,8] 64", "m.0.q.weight_scale F32 [1] 4"},
         NULL},
        {FP8_OF("\"modules_to_not_convert\": [\"q\"]"),
         "a module said to be plain",
         {"m.0.q.weight F8_E4M3 [8,8] 64", "m.0.q.weight_scale F32 [1] 4"},
         NULL},
        {"{\"quantization_config\": {\"llm_int8_skip_modules\": [\"m\"]}}",
         "a module said to be plain",
         {"m.weight I8 [4,4] 16", "m.SCB F32 [4] 16"},
         NULL},
        {FP8, "scales of no known type", {"m.w F8_E4M3 [8,8] 64", "m.w_scale I32 [2,2] 16"}, NULL},
        {FP8, "scales of no known type", {"m.w F8_E4M3 [8,8] 64", "m.w_scale F64 [2,2] 32"}, NULL},
        {"{}",
         "no \"weight_block_size\"",
         {"m.w F8_E4M3 [8,8] 64", "m.w_scale F32 [2,2] 16"},
         NULL},
        {"{}",
         "no \"quantization\" of MLX",
         {"m.weight U32 [2,4] 32", "m.scales F32 [2,1] 8", "m.biases F32 [2,1] 8"},
         NULL},
        {MLX(4, 32),
         "codes without their biases",
         {"m.weight U32 [2,4] 32", "m.scales F32 [2,1] 8"},
         NULL},
        {MLX(7, 32),
         "MLX codes of unknown bits",
         {"m.weight U32 [2,4] 32", "m.scales F32 [2,1] 8", "m.biases F32 [2,1] 8"},
         NULL},
        {"{\"quantization\": {\"bits\": 4, \"group_size\": 32, \"mode\": \"mxfp4\"}}",
         "MLX codes that are not affine",
         {"m.weight U32 [2,4] 32", "m.scales U8 [2,1] 2"},
         NULL},
        {MLX(4, 16),
         "scales of another shape",
         {"m.weight U32 [2,4] 32", "m.scales F32 [2,1] 8", "m.biases F32 [2,1] 8"},
         NULL},
        {MLX(3, 32),
         "scales of another shape",
         {"m.weight U32 [2,4] 32", "m.scales F32 [2,1] 8", "m.biases F32 [2,1] 8"},
         NULL},
        {"{}", "scales of another shape", {"m.weight I8 [4,4] 16", "m.SCB F32 [3] 12"}, NULL},
        {"{}",
         "codes of another layout",
         {"m.weight I8 [4,4] 16", "m.SCB F32 [4] 16", "m.weight_format U8 [1] 1"},
         "\2"},
        {"{}",
         "a \"quant_state\" it is not of",
         {"m.w U8 [32,1] 32", "m.w.absmax F32 [1] 4", "m.w.quant_map F32 [16] 64",
          "m.w" NF4 " U8 [56] 56"},
         "{\"blocksize\": 64, \"dtype\": \"float32\", \"shape\": [8, 9]}"},
        {"{}",
         "a \"quant_state\" it is not of",
         {"m.w U8 [32,1] 32", "m.w.absmax F32 [1] 4", "m.w.quant_map F32 [16] 64",
          "m.w" NF4 " U8 [56] 56"},
         "{\"blocksize\": 48, \"dtype\": \"float32\", \"shape\": [8, 8]}"},
        {"{}",
         "scales of another shape",
         {"m.x_blocks U8 [2,3,1,16] 96", "m.x_scales U8 [2,3,2] 12"},
         NULL},
        {"{}",
         "codes beside their weight",
         {"m.x_blocks U8 [2,3,1,16] 96", "m.x_scales U8 [2,3,1] 6", "m.x F32 [1,1] 4"},
         NULL},
        {"{}",
         "scales of another shape",
         {"m.w U8 [4,16] 64", "m.w_scale F8_E4M3 [4,4] 16", "m.w_scale_2 F32 [1] 4"},
         NULL},
        {"{}",
         "scales of no known type",
         {"m.w U8 [4,16] 64", "m.w_scale F8_E4M3 [4,2] 8", "m.w_scale_2 F16 [1] 2"},
         NULL},
        {"{}",
         "scales of no known type",
         {"m.w U8 [4,16] 64", "m.w_scale F8_E4M3 [4,2] 8", "m.w_scale_2 F32 [2] 8"},
         NULL},
        {"{}",
         "scales of another shape",
         {"m.w U8 [2,8,4] 64", "m.w_weight_scale F8_E4M3 [2,2,4] 16",
          "m.w_weight_scale_2 F32 [1] 4"},
         NULL},
        {"{}",
         "codes beside their weight",
         {"m.w_packed U8 [4,16] 64", "m.w_scale U8 [4,1] 4", "m.w F32 [1,1] 4"},
         NULL},
        {"{}", "scales of another shape", {"m.w I8 [4,4] 16", "m.w_scale F32 [3,1] 12"}, NULL},
        {"{}", "scales of another shape", {"m.w I8 [4,4] 16", "m.w_scale F32 [4,3] 48"}, NULL},
        {"{}", "scales of no known type", {"m.w I8 [4,4] 16", "m.w_scale I32 [4,1] 16"}, NULL},
        {"{}",
         "zero points of another shape",
         {"m.w I8 [4,4] 16", "m.w_scale F32 [4,1] 16", "m.w_zero_point I8 [3,1] 3"},
         NULL},
        {"{}",
         "codes of another shape",
         {"m.w_packed I32 [4,4] 64", "m.w_scale F32 [4,1] 16", "m.w_shape I64 [2] 16"},
         NULL},
        {"{\"quantization_config\": {\"quant_method\": \"gptq\"}}",
         "a quantiser's codes; quantised by gptq",
         {"m.qweight I32 [2,4] 32", "m.scales F16 [2,4] 16"},
         NULL},
        {"{\"quantization_config\": {\"quant_method\": \"a\\u001b[2J\"}}",
         "a quantiser's codes; quantised by a?[2J",
         {"m.weight_packed I32 [2,4] 32"},
         NULL},
        {"{\"quantization_config\": {\"quant_method\": \"fp8\", \"weight_block_size\": [4.5, 4]}}",
         "its \"quantization_config\", whose \"weight_block_size\" is [4.5,4] and not two whole "
         "numbers "
         "from 1 to 1048576; quantised by fp8",
         {"m.w F8_E4M3 [8,8] 64", "m.w_scale F32 [2,2] 16"},
         NULL},
        {"{\"quantization_config\": {\"weight_block_size\": [4, 4, 4]}}",
         "whose \"weight_block_size\" is [4,4,4] and not",
         {"m.w F8_E4M3 [8,8] 64", "m.w_scale F32 [2,2] 16"},
         NULL},
        {"{\"quantization_config\": {\"weight_block_size\": 4}}",
         "whose \"weight_block_size\" is 4 and not",
         {"m.w F8_E4M3 [8,8] 64", "m.w_scale F32 [1] 4"},
         NULL},
        {"{\"quantization_config\": {\"config_groups\": {\"group_0\": {\"weights\": "
         "{\"block_structure\": "
         "[4, \"4\"]}}}}}",
         "whose \"block_structure\" is [4,\"4\"] and not",
         {"m.w F8_E4M3 [8,8] 64", "m.w_scale F32 [2,2] 16"},
         NULL},
        {"{\"quantization_config\": \"fp8\"}",
         "whose \"quantization_config\" is \"fp8\" and not an object",
         {"m.w F8_E4M3 [8,8] 64", "m.w_scale F32 [1] 4"},
         NULL},
        {"{\"quantization_config\": {\"quant_method\": 8}}",
         "whose \"quant_method\" is 8 and not a text",
         {"m.w I8 [4,4] 16", "m.w_scale F32 [4,1] 16"},
         NULL},
        {"{\"quantization_config\": {\"quant_method\": \"fp9\"}}",
         "codes of another quantiser; quantised by fp9",
         {"m.w F8_E4M3 [8,8] 64", "m.w_scale F32 [1] 4"},
         NULL},
        {"{\"quantization_config\": {\"quant_method\": \"gptq\"}}",
         "codes of another quantiser; quantised by gptq",
         {"m.weight I8 [4,4] 16", "m.SCB F32 [4] 16"},
         NULL},
        {"{\"quantization\": {\"bits\": 4, \"group_size\": 32, \"mode\": 5}}",
         "MLX codes that are not affine",
         {"m.weight U32 [2,4] 32", "m.scales F32 [2,1] 8", "m.biases F32 [2,1] 8"},
         NULL},
        {"{\"quantization\": {\"bits\": 4, \"group_size\": 32, \"m\": false}}",
         "a module said to be plain",
         {"m.weight U32 [2,4] 32", "m.scales F32 [2,1] 8", "m.biases F32 [2,1] 8"},
         NULL},
        {"{}",
         "nf4 whose state says fp4",
         {"m.w U8 [32,1] 32", "m.w.absmax F32 [1] 4", "m.w.quant_map F32 [16] 64",
          "m.w" NF4 " U8 [90] 90"},
         "{\"quant_type\": \"fp4\", \"blocksize\": 64, \"dtype\": \"float32\", \"shape\": [8, 8]}"},
        {"{}",
         "a \"quant_type\" it is not of",
         {"m.w U8 [32,1] 32", "m.w.absmax F32 [1] 4", "m.w.quant_map F32 [16] 64",
          "m.w" NF4 " U8 [90] 90"},
         "{\"quant_type\": 4, \"blocksize\": 64, \"dtype\": \"float32\", \"shape\": [8, 8]}"},
        {"{}",
         "a quantiser's codes; quantised by HQQ",
         {"m.W_q U8 [2,4] 8", "m.scale F16 [2,4] 16"},
         NULL},
    };
    char *folder = data_folder();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err = ERROR_INIT;
        float value;
        data_checkpoint(folder, cases[i].config, cases[i].tensors, cases[i].state);
        struct checkpoint *checkpoint = data_open(folder, NULL);
        if (!strstr(checkpoint_notes(checkpoint), cases[i].refusal))
            fail_msg("case %zu: \"%s\" is not in \"%s\"", i, cases[i].refusal,
                     checkpoint_notes(checkpoint));
        char name[100];
        sscanf(cases[i].tensors[0], "%99s", name);
        const struct tensor_info *tensor = checkpoint_find(checkpoint, name);
        assert_non_null(tensor);
        assert_true(strlen(tensor->refusal) <= 30);
        assert_int_equal(checkpoint_read_f32(checkpoint, tensor, 0, 1, &value, &err), -1);
        assert_non_null(strstr(err.text, tensor->refusal));
        checkpoint_close(checkpoint);
    }
    data_folder_remove(folder);
}

/* What config.json says of other modules, or of these in the same words as the tensors, is no
 * contradiction; nor are blocks of one group where another group has none. */
static void reads_what_agrees(void **state)
{
    (void)state;
    static const struct {
        const char *config, *tensors[3];
    } cases[] = {
        {BLOCKS(128, 128), {"m.w F8_E4M3 [16,8] 128", "m.w_scale_inv F32 [1,1] 4"}},
        {BLOCKS(4, 3), {"m.w F8_E4M3 [6,8] 48", "m.w_scale_inv F32 [2,3] 24"}},
        {BLOCKS(1, 8), {"m.w F8_E4M3 [6,8] 48", "m.w_scale_inv F32 [6] 24"}},
        {FP8_OF("\"fmt\": \"e4m3\""), {"m.w F8_E4M3 [8,8] 64", "m.w_scale F32 [1] 4"}},
        {FP8_OF("\"fmt\": \"e5m2\""), {"m.w F8_E5M2 [8,8] 64", "m.w_scale F32 [1] 4"}},
        {FP8_OF("\"fmt\": null"), {"m.w F8_E5M2 [8,8] 64", "m.w_scale F32 [1] 4"}},
        {FP8_OF("\"modules_to_not_convert\": [\"m.q\", \"m.gat\", \"ate\", \"m.gate_proj\", 5]"),
         {"m.gate.weight F8_E4M3 [8,8] 64", "m.gate.weight_scale F32 [1] 4"}},
        {FP8_OF("\"modules_to_not_convert\": null"),
         {"m.w F8_E4M3 [8,8] 64", "m.w_scale F32 [1] 4"}},
        {"{\"quantization_config\": {\"config_groups\": {\"a\": {\"weights\": "
         "{\"block_structure\": [4, "
         "4]}}, \"b\": {\"weights\": {\"strategy\": \"tensor\"}}}}}",
         {"m.w F8_E4M3 [8,8] 64", "m.w_scale F32 [1] 4"}},
    };
    char *folder = data_folder();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        data_checkpoint(folder, cases[i].config, cases[i].tensors, NULL);
        struct checkpoint *checkpoint = data_open(folder, NULL);
        if (checkpoint_notes(checkpoint)[0] || checkpoint_count(checkpoint) != 1)
            fail_msg("case %zu: %zu tensors, \"%s\"", i, checkpoint_count(checkpoint),
                     checkpoint_notes(checkpoint));
        checkpoint_close(checkpoint);
    }
    data_folder_remove(folder);
}

/* A table of whole numbers is no quantiser's where nothing says that there was one. */
static void says_nothing_of_plain_numbers(void **state)
{
    (void)state;
    const char *const tensors[] = {"h.0.attn.bias U8 [2,2] 4", "h.0.w.weight F32 [1,1] 4", NULL};
    char *folder = data_folder();
    data_checkpoint(folder, "{}", tensors, NULL);
    struct checkpoint *checkpoint = data_open(folder, NULL);
    assert_string_equal(checkpoint_notes(checkpoint), "");
    assert_null(checkpoint_find(checkpoint, "h.0.attn.bias")->refusal);
    checkpoint_close(checkpoint);
    data_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_the_tools),
        cmocka_unit_test(says_how_they_are_stored),
        cmocka_unit_test(refuses_by_name),
        cmocka_unit_test(reads_what_agrees),
        cmocka_unit_test(says_nothing_of_plain_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
